-- Each city has every hour between its first and its last; each reading belongs to its hour.
SELECT
    NOT EXISTS (
        SELECT FROM weather.city_hour_temperature
        GROUP BY city_id
        HAVING count(*) <> extract(EPOCH FROM max(hour) - min(hour)) / 3600 + 1
    ) AS no_hour_is_missing,
    (SELECT count(*) FROM weather.readings)
    = (SELECT coalesce(sum(readings), 0) FROM weather.city_hour_temperature) AS every_reading_is_in_its_hour;
