-- Recompute each city day that has new readings, from all of its readings.
WITH changed AS (
    SELECT DISTINCT
        reading.city_id,
        city.timezone,
        (reading.measured_at AT TIME ZONE city.timezone)::date AS day
    FROM weather.readings AS reading
    INNER JOIN weather.cities AS city USING (city_id)
    WHERE reading.changed_in > (
        SELECT coalesce(max(changed_in), 0) FROM weather.city_day_summary_temperature
    )
)

INSERT INTO weather.city_day_summary_temperature AS known (
    city_id, day, readings, min_temperature_k, max_temperature_k, avg_temperature_k, min_temperature_c,
    max_temperature_c, avg_temperature_c, first_measured_at, last_measured_at, changed_in
)
SELECT
    changed.city_id,
    changed.day,
    count(*),
    min(reading.temperature_k),
    max(reading.temperature_k),
    round(avg(reading.temperature_k), 2),
    min(reading.temperature_c),
    max(reading.temperature_c),
    round(avg(reading.temperature_c), 2),
    min(reading.measured_at),
    max(reading.measured_at),
    max(reading.changed_in)
FROM changed
INNER JOIN weather.readings AS reading
    ON
        reading.city_id = changed.city_id
        AND reading.measured_at >= changed.day::timestamp AT TIME ZONE changed.timezone
        AND reading.measured_at < (changed.day + 1)::timestamp AT TIME ZONE changed.timezone
GROUP BY changed.city_id, changed.day
ON CONFLICT (city_id, day) DO UPDATE
SET
    readings = excluded.readings,
    min_temperature_k = excluded.min_temperature_k,
    max_temperature_k = excluded.max_temperature_k,
    avg_temperature_k = excluded.avg_temperature_k,
    min_temperature_c = excluded.min_temperature_c,
    max_temperature_c = excluded.max_temperature_c,
    avg_temperature_c = excluded.avg_temperature_c,
    first_measured_at = excluded.first_measured_at,
    last_measured_at = excluded.last_measured_at,
    changed_in = excluded.changed_in
WHERE known.changed_in <> excluded.changed_in;
