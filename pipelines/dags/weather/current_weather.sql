-- The newest reading of each city that has new readings; a late reading does not replace a newer one.
INSERT INTO weather.current_weather AS shown (
    city_id, city, state, measured_at, condition, description, temperature_k, temperature_c, feels_like_c, pressure_hpa,
    humidity_percent, wind_speed_m_s, clouds_percent, changed_in
)
SELECT DISTINCT ON (reading.city_id)
    reading.city_id,
    city.name,
    city.state,
    reading.measured_at,
    condition.name,
    condition.description,
    reading.temperature_k,
    reading.temperature_c,
    reading.feels_like_c,
    reading.pressure_hpa,
    reading.humidity_percent,
    reading.wind_speed_m_s,
    reading.clouds_percent,
    reading.changed_in
FROM weather.readings AS reading
INNER JOIN weather.cities AS city USING (city_id)
LEFT JOIN weather.reading_conditions AS main
    ON (main.city_id, main.measured_at, main.position) = (reading.city_id, reading.measured_at, 1)
LEFT JOIN weather.conditions AS condition USING (condition_id)
WHERE reading.changed_in > (SELECT coalesce(max(changed_in), 0) FROM weather.current_weather)
ORDER BY reading.city_id, reading.measured_at DESC
ON CONFLICT (city_id) DO UPDATE
SET
    city = excluded.city,
    state = excluded.state,
    measured_at = excluded.measured_at,
    condition = excluded.condition,
    description = excluded.description,
    temperature_k = excluded.temperature_k,
    temperature_c = excluded.temperature_c,
    feels_like_c = excluded.feels_like_c,
    pressure_hpa = excluded.pressure_hpa,
    humidity_percent = excluded.humidity_percent,
    wind_speed_m_s = excluded.wind_speed_m_s,
    clouds_percent = excluded.clouds_percent,
    changed_in = excluded.changed_in
WHERE shown.measured_at <= excluded.measured_at AND shown.changed_in <> excluded.changed_in;
