"""dlt's REST source on the same service, into the same warehouse. Run in an environment of its own."""

import json
import sys
import time

import dlt
from dlt.sources.rest_api import rest_api_source

url, count, credentials, home = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]


@dlt.resource(selected=False)
def cities():
    yield [{"id": number} for number in range(count)]


source = rest_api_source(
    {
        "client": {
            "base_url": url,
            "auth": {"type": "api_key", "name": "appid", "api_key": "key", "location": "query"},
        },
        "resources": [
            cities(),
            {
                "name": "weather",
                "parallelized": True,
                "endpoint": {
                    "path": "weather",
                    "paginator": "single_page",
                    "data_selector": "$",
                    "params": {"id": "{resources.cities.id}"},
                },
            },
        ],
    }
)
pipeline = dlt.pipeline(
    "bench", destination=dlt.destinations.postgres(credentials), dataset_name="dlt_bench", pipelines_dir=home
)
began = time.perf_counter()
pipeline.extract(source)
extracted = time.perf_counter()
pipeline.normalize()
pipeline.load()
print(json.dumps({"extract": extracted - began, "load": time.perf_counter() - extracted}))
