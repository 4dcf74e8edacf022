-- Only gaps longer than the limit have no rows, no longer gap is filled, and each reading belongs to its hour. The last
-- column states the gaps; an outage does not fail the check.
WITH measured AS (
    SELECT
        city_id,
        hour,
        lead(hour) OVER (PARTITION BY city_id ORDER BY hour) AS next_hour
    FROM weather.city_hour_temperature
    WHERE NOT is_filled
)

SELECT
    NOT EXISTS (
        SELECT FROM weather.city_hour_gaps WHERE hours <= (SELECT max_gap_hours FROM weather.gap_limit)
    ) AS no_short_gap_is_left,
    NOT EXISTS (
        SELECT FROM measured
        INNER JOIN weather.city_hour_temperature AS filled
            ON filled.city_id = measured.city_id AND filled.hour > measured.hour AND filled.hour < measured.next_hour
        WHERE
            measured.next_hour - measured.hour
            > (SELECT max_gap_hours + 1 FROM weather.gap_limit) * interval '1 hour'
    ) AS no_long_gap_is_filled,
    (SELECT count(*) FROM weather.readings)
    = (SELECT coalesce(sum(readings), 0) FROM weather.city_hour_temperature) AS every_reading_is_in_its_hour,
    (
        SELECT
            CASE
                WHEN count(*) = 0 THEN 'no gaps'
                ELSE
                    format(
                        'gaps: %s, hours without rows: %s, latest: %s from %s to %s UTC',
                        count(*),
                        sum(hours),
                        (array_agg(city ORDER BY last_hour DESC, city))[1],
                        to_char((array_agg(first_hour ORDER BY last_hour DESC, city))[1] AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
                        to_char(max(last_hour) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')
                    )
            END
        FROM weather.city_hour_gaps
    ) AS gaps;
