select
    id as greeting_id,
    name,
    day
from {{ source('raw', 'greetings') }}
