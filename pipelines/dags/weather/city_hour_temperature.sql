-- The variable weather_max_gap_hours is the longest gap that is filled. When it changes, all hours are recomputed.
CREATE TEMPORARY TABLE setting ON COMMIT DROP AS
SELECT
    wanted.max_gap_hours,
    used.max_gap_hours IS DISTINCT FROM wanted.max_gap_hours AS is_changed
FROM (SELECT '{{ var.value.weather_max_gap_hours }}'::integer AS max_gap_hours) AS wanted
LEFT JOIN weather.gap_limit AS used ON true;

INSERT INTO weather.gap_limit (max_gap_hours) SELECT max_gap_hours FROM setting
ON CONFLICT (only_row) DO UPDATE SET max_gap_hours = excluded.max_gap_hours
WHERE (SELECT is_changed FROM setting);

DELETE FROM weather.city_hour_temperature WHERE is_filled AND (SELECT is_changed FROM setting);

-- Recompute the hours that new readings affect: from the last reading before the first new one, because a gap between
-- them is interpolated, to four hours after the next later reading, because the moving average looks back four hours.
WITH changed AS (
    SELECT
        city_id,
        min(date_trunc('hour', measured_at, 'UTC')) AS first_hour,
        max(date_trunc('hour', measured_at, 'UTC')) AS last_hour,
        max(changed_in) AS changed_in
    FROM weather.readings
    WHERE changed_in > (
        SELECT coalesce(max(known.changed_in) FILTER (WHERE NOT setting.is_changed), 0)
        FROM setting
        LEFT JOIN weather.city_hour_temperature AS known ON true
    )
    GROUP BY city_id
),

stretch AS (
    SELECT
        changed.city_id,
        changed.changed_in,
        coalesce(before.hour, changed.first_hour) AS first_hour,
        coalesce(least(behind.hour + interval '4 hours', final.hour), changed.last_hour) AS last_hour
    FROM changed
    LEFT JOIN LATERAL (
        SELECT max(date_trunc('hour', measured_at, 'UTC')) AS hour
        FROM weather.readings
        WHERE city_id = changed.city_id AND measured_at < changed.first_hour
    ) AS before ON true
    LEFT JOIN LATERAL (
        SELECT min(date_trunc('hour', measured_at, 'UTC')) AS hour
        FROM weather.readings
        WHERE city_id = changed.city_id AND measured_at >= changed.last_hour + interval '1 hour'
    ) AS behind ON true
    LEFT JOIN LATERAL (
        SELECT max(date_trunc('hour', measured_at, 'UTC')) AS hour
        FROM weather.readings
        WHERE city_id = changed.city_id
    ) AS final ON true
),

-- Extend the range back to cover the first moving average, and forward to the reading that ends the last gap.
bounds AS (
    SELECT
        stretch.*,
        coalesce(earlier.hour, '-infinity') AS read_from,
        coalesce(later.hour, stretch.last_hour) + interval '1 hour' AS read_until
    FROM stretch
    LEFT JOIN LATERAL (
        SELECT date_trunc('hour', max(measured_at), 'UTC') AS hour
        FROM weather.readings
        WHERE city_id = stretch.city_id AND measured_at < stretch.first_hour - interval '3 hours'
    ) AS earlier ON true
    LEFT JOIN LATERAL (
        SELECT date_trunc('hour', min(measured_at), 'UTC') AS hour
        FROM weather.readings
        WHERE city_id = stretch.city_id AND measured_at >= stretch.last_hour
    ) AS later ON true
),

measured AS (
    SELECT
        bounds.city_id,
        hourly.hour,
        hourly.readings,
        hourly.temperature_k
    FROM bounds
    CROSS JOIN LATERAL (
        SELECT
            date_trunc('hour', measured_at, 'UTC') AS hour,
            count(*) AS readings,
            avg(temperature_k) AS temperature_k
        FROM weather.readings
        WHERE city_id = bounds.city_id AND measured_at >= bounds.read_from AND measured_at < bounds.read_until
        GROUP BY 1
    ) AS hourly
),

-- Each measured hour and the next measured hour.
pairs AS (
    SELECT
        *,
        lead(hour) OVER city AS next_hour,
        lead(temperature_k) OVER city AS next_temperature_k
    FROM measured
    WINDOW city AS (PARTITION BY city_id ORDER BY hour)
),

-- Hours of a longer gap have no row, so the rows are at most max_gap_hours + 1 per reading.
filled AS (
    SELECT
        pairs.city_id,
        every.hour,
        CASE WHEN every.hour = pairs.hour THEN pairs.readings ELSE 0 END AS readings,
        CASE
            WHEN every.hour = pairs.hour THEN pairs.temperature_k
            ELSE
                pairs.temperature_k
                + (pairs.next_temperature_k - pairs.temperature_k)
                * (extract(EPOCH FROM every.hour - pairs.hour) / extract(EPOCH FROM pairs.next_hour - pairs.hour))
        END AS temperature_k
    FROM pairs
    CROSS JOIN setting
    CROSS JOIN LATERAL generate_series(
        pairs.hour,
        CASE
            WHEN pairs.next_hour - pairs.hour <= (setting.max_gap_hours + 1) * interval '1 hour'
                THEN pairs.next_hour - interval '1 hour'
            ELSE pairs.hour
        END,
        interval '1 hour'
    ) AS every (hour)
),

averaged AS (
    SELECT
        city_id,
        hour,
        readings,
        round(temperature_k, 2) AS temperature_k,
        round(avg(temperature_k) OVER five, 2) AS moving_average_k
    FROM filled
    WINDOW five AS (PARTITION BY city_id ORDER BY hour RANGE BETWEEN interval '4 hours' PRECEDING AND CURRENT ROW)
)

INSERT INTO weather.city_hour_temperature AS known (
    city_id, hour, readings, temperature_k, moving_average_k, changed_in
)
SELECT
    averaged.city_id,
    averaged.hour,
    averaged.readings,
    averaged.temperature_k,
    averaged.moving_average_k,
    stretch.changed_in
FROM averaged
INNER JOIN stretch USING (city_id)
WHERE averaged.hour BETWEEN stretch.first_hour AND stretch.last_hour
ON CONFLICT (city_id, hour) DO UPDATE
SET
    readings = excluded.readings,
    temperature_k = excluded.temperature_k,
    moving_average_k = excluded.moving_average_k,
    changed_in = excluded.changed_in
WHERE
    (known.readings, known.temperature_k, known.moving_average_k)
    IS DISTINCT FROM (excluded.readings, excluded.temperature_k, excluded.moving_average_k);
