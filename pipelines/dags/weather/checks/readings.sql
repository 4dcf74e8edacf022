-- Each answer of the last run has a reading, and each reading has a main condition.
SELECT
    NOT EXISTS (
        SELECT FROM weather.raw_current_weather AS raw
        LEFT JOIN weather.readings AS reading
            ON (reading.city_id, reading.measured_at) = (raw.city_id, to_timestamp(raw.measured))
        WHERE
            raw.loaded_by >= (SELECT since FROM weather.transformed)
            AND raw.loaded_by < (SELECT before FROM weather.transformed)
            AND reading.city_id IS NULL
    ) AS every_answer_has_its_reading,
    NOT EXISTS (
        SELECT FROM weather.readings AS reading
        WHERE
            reading.changed_in = (SELECT max(changed_in) FROM weather.readings)
            AND NOT EXISTS (
                SELECT FROM weather.reading_conditions AS main
                WHERE (main.city_id, main.measured_at, main.position) = (reading.city_id, reading.measured_at, 1)
            )
    ) AS every_reading_has_a_condition;
