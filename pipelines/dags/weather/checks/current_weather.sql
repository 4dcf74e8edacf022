-- Each city with readings has one row, which holds its newest reading.
SELECT
    NOT EXISTS (
        SELECT FROM weather.cities AS city
        LEFT JOIN weather.current_weather AS shown USING (city_id)
        CROSS JOIN LATERAL (
            SELECT max(measured_at) AS measured_at FROM weather.readings WHERE city_id = city.city_id
        ) AS newest
        WHERE newest.measured_at IS DISTINCT FROM shown.measured_at
    ) AS every_city_shows_its_newest_reading;
