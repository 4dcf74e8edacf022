-- Every reading belongs to exactly one day, and each average lies between the day's minimum and maximum.
SELECT
    (SELECT count(*) FROM weather.readings)
    = (SELECT coalesce(sum(readings), 0) FROM weather.city_day_summary_temperature) AS every_reading_is_in_one_day,
    NOT EXISTS (
        SELECT FROM weather.city_day_summary_temperature
        WHERE
            NOT avg_temperature_k BETWEEN min_temperature_k AND max_temperature_k
            OR min_temperature_k - min_temperature_c <> 273.15
    ) AS the_average_lies_between_the_extremes;
