-- Turn new answers into readings, one per measurement: a repeated measurement changes nothing, a corrected one replaces
-- the earlier one. The snapshot is taken before any row is read: the next run starts at the transactions that are still
-- open now, because their rows are not visible below.
CREATE TEMPORARY TABLE seen ON COMMIT DROP AS
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS before;

CREATE TEMPORARY TABLE fresh ON COMMIT DROP AS
SELECT DISTINCT ON (city_id, measured)
    raw.*,
    to_timestamp(measured) AS measured_at
FROM weather.raw_current_weather AS raw
-- A database that was restored elsewhere numbers its transactions again from a smaller number.
WHERE loaded_by >= (SELECT least(transformed.before, seen.before) FROM weather.transformed, seen)
ORDER BY city_id, measured, answered_at DESC;

UPDATE weather.transformed
SET run = transformed.run + 1, since = least(transformed.before, seen.before), before = seen.before
FROM seen;

INSERT INTO weather.conditions AS known (condition_id, name, description)
SELECT DISTINCT ON (listed.id)
    listed.id,
    listed.main,
    listed.description
FROM fresh
CROSS JOIN LATERAL jsonb_to_recordset(fresh.conditions) AS listed (id integer, main text, description text)
ORDER BY listed.id, fresh.answered_at DESC
ON CONFLICT (condition_id) DO UPDATE
SET name = excluded.name, description = excluded.description
WHERE (known.name, known.description) IS DISTINCT FROM (excluded.name, excluded.description);

INSERT INTO weather.readings AS known (
    city_id, measured_at, temperature_k, feels_like_k, temperature_min_k, temperature_max_k, pressure_hpa,
    humidity_percent, visibility_m, wind_speed_m_s, wind_from_degrees, wind_gust_m_s, clouds_percent, rain_1h_mm,
    snow_1h_mm, sunrise_at, sunset_at, answered_at, changed_in
)
SELECT
    city_id, measured_at, temperature_k, feels_like_k, temperature_min_k, temperature_max_k, pressure_hpa,
    humidity_percent, visibility_m, wind_speed_m_s, wind_from_degrees, wind_gust_m_s, clouds_percent, rain_1h_mm,
    snow_1h_mm, to_timestamp(nullif(sunrise, 0)), to_timestamp(nullif(sunset, 0)), answered_at,
    (SELECT run FROM weather.transformed)
FROM fresh
ON CONFLICT (city_id, measured_at) DO UPDATE
SET
    temperature_k = excluded.temperature_k,
    feels_like_k = excluded.feels_like_k,
    temperature_min_k = excluded.temperature_min_k,
    temperature_max_k = excluded.temperature_max_k,
    pressure_hpa = excluded.pressure_hpa,
    humidity_percent = excluded.humidity_percent,
    visibility_m = excluded.visibility_m,
    wind_speed_m_s = excluded.wind_speed_m_s,
    wind_from_degrees = excluded.wind_from_degrees,
    wind_gust_m_s = excluded.wind_gust_m_s,
    clouds_percent = excluded.clouds_percent,
    rain_1h_mm = excluded.rain_1h_mm,
    snow_1h_mm = excluded.snow_1h_mm,
    sunrise_at = excluded.sunrise_at,
    sunset_at = excluded.sunset_at,
    answered_at = excluded.answered_at,
    changed_in = excluded.changed_in
WHERE
    known.answered_at < excluded.answered_at
    AND (
        known.temperature_k, known.feels_like_k, known.temperature_min_k, known.temperature_max_k,
        known.pressure_hpa, known.humidity_percent, known.visibility_m, known.wind_speed_m_s,
        known.wind_from_degrees, known.wind_gust_m_s, known.clouds_percent, known.rain_1h_mm, known.snow_1h_mm
    ) IS DISTINCT FROM (
        excluded.temperature_k, excluded.feels_like_k, excluded.temperature_min_k, excluded.temperature_max_k,
        excluded.pressure_hpa, excluded.humidity_percent, excluded.visibility_m, excluded.wind_speed_m_s,
        excluded.wind_from_degrees, excluded.wind_gust_m_s, excluded.clouds_percent, excluded.rain_1h_mm,
        excluded.snow_1h_mm
    );

-- Replace the conditions of readings that this run added or replaced.
DELETE FROM weather.reading_conditions AS old
USING weather.readings AS reading
WHERE (old.city_id, old.measured_at) = (reading.city_id, reading.measured_at) AND reading.changed_in = (SELECT run FROM weather.transformed);

INSERT INTO weather.reading_conditions (city_id, measured_at, position, condition_id)
SELECT
    fresh.city_id,
    fresh.measured_at,
    listed.position,
    (listed.condition ->> 'id')::integer
FROM fresh
INNER JOIN weather.readings AS reading USING (city_id, measured_at, answered_at)
CROSS JOIN LATERAL jsonb_array_elements(fresh.conditions) WITH ORDINALITY AS listed (condition, position)
WHERE reading.changed_in = (SELECT run FROM weather.transformed);
