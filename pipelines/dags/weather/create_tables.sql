CREATE SCHEMA IF NOT EXISTS weather;

-- Cities with weather readings. Ids, names and coordinates are from geonames.
CREATE TABLE IF NOT EXISTS weather.cities (
    city_id bigint PRIMARY KEY,
    name text NOT NULL,
    state text NOT NULL,
    latitude numeric NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude numeric NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    timezone text NOT NULL,
    population bigint NOT NULL CHECK (population >= 0),
    is_fetched boolean NOT NULL
);

-- The service's answers, one row each. Answers that do not fit go to quarantine, with the name of the column.
CREATE TABLE IF NOT EXISTS weather.raw_current_weather (
    city_id bigint NOT NULL,
    answered_at timestamptz NOT NULL,
    place_id bigint NOT NULL,
    place_name text NOT NULL,
    longitude numeric NOT NULL,
    latitude numeric NOT NULL,
    conditions jsonb NOT NULL CHECK (jsonb_typeof(conditions) = 'array'),
    temperature_k numeric NOT NULL CHECK (temperature_k BETWEEN 150 AND 350),
    feels_like_k numeric CHECK (feels_like_k BETWEEN 150 AND 350),
    temperature_min_k numeric CHECK (temperature_min_k BETWEEN 150 AND 350),
    temperature_max_k numeric CHECK (temperature_max_k BETWEEN 150 AND 350),
    pressure_hpa numeric CHECK (pressure_hpa BETWEEN 800 AND 1100),
    humidity_percent numeric CHECK (humidity_percent BETWEEN 0 AND 100),
    visibility_m numeric CHECK (visibility_m >= 0),
    wind_speed_m_s numeric CHECK (wind_speed_m_s >= 0),
    wind_from_degrees numeric CHECK (wind_from_degrees BETWEEN 0 AND 360),
    wind_gust_m_s numeric CHECK (wind_gust_m_s >= 0),
    clouds_percent numeric CHECK (clouds_percent BETWEEN 0 AND 100),
    rain_1h_mm numeric CHECK (rain_1h_mm >= 0),
    snow_1h_mm numeric CHECK (snow_1h_mm >= 0),
    measured bigint NOT NULL CHECK (measured > 0),
    sunrise bigint,
    sunset bigint,
    utc_offset_s integer,
    -- The transaction that loaded the row: the transformer uses it to find new rows, whatever the commit order.
    loaded_by bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    PRIMARY KEY (city_id, answered_at)
);
CREATE INDEX IF NOT EXISTS raw_current_weather_loaded_by ON weather.raw_current_weather (loaded_by);

-- The service's conditions, as far as they have appeared in answers.
CREATE TABLE IF NOT EXISTS weather.conditions (
    condition_id integer PRIMARY KEY,
    name text NOT NULL,
    description text NOT NULL
);

-- One row per measurement of a city, even if the service repeated it. The service reports temperatures in kelvin.
CREATE TABLE IF NOT EXISTS weather.readings (
    city_id bigint NOT NULL REFERENCES weather.cities,
    measured_at timestamptz NOT NULL,
    temperature_k numeric NOT NULL,
    temperature_c numeric NOT NULL GENERATED ALWAYS AS (temperature_k - 273.15) STORED,
    feels_like_k numeric,
    feels_like_c numeric GENERATED ALWAYS AS (feels_like_k - 273.15) STORED,
    temperature_min_k numeric,
    temperature_max_k numeric,
    pressure_hpa numeric,
    humidity_percent numeric,
    visibility_m numeric,
    wind_speed_m_s numeric,
    wind_from_degrees numeric,
    wind_gust_m_s numeric,
    clouds_percent numeric,
    rain_1h_mm numeric,
    snow_1h_mm numeric,
    sunrise_at timestamptz,
    sunset_at timestamptz,
    answered_at timestamptz NOT NULL,
    changed_in bigint NOT NULL,
    PRIMARY KEY (city_id, measured_at)
);
CREATE INDEX IF NOT EXISTS readings_changed_in ON weather.readings (changed_in);

-- A reading has one or more conditions; the first is the main one.
CREATE TABLE IF NOT EXISTS weather.reading_conditions (
    city_id bigint NOT NULL,
    measured_at timestamptz NOT NULL,
    position smallint NOT NULL CHECK (position >= 1),
    condition_id integer NOT NULL REFERENCES weather.conditions,
    PRIMARY KEY (city_id, measured_at, position),
    FOREIGN KEY (city_id, measured_at) REFERENCES weather.readings ON DELETE CASCADE
);

-- Progress of the transformer: it has processed the transactions below `before`; its last run started at `since`.
-- Its runs are numbered, and each row records the run that changed it (`changed_in`), because clocks can be set back.
CREATE TABLE IF NOT EXISTS weather.transformed (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    run bigint NOT NULL,
    since bigint NOT NULL,
    before bigint NOT NULL
);
INSERT INTO weather.transformed (run, since, before) VALUES (0, 0, 0) ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS weather.current_weather (
    city_id bigint PRIMARY KEY REFERENCES weather.cities,
    city text NOT NULL,
    state text NOT NULL,
    measured_at timestamptz NOT NULL,
    condition text,
    description text,
    temperature_k numeric NOT NULL,
    temperature_c numeric NOT NULL,
    feels_like_c numeric,
    pressure_hpa numeric,
    humidity_percent numeric,
    wind_speed_m_s numeric,
    clouds_percent numeric,
    changed_in bigint NOT NULL
);

-- Days are in the city's local time.
CREATE TABLE IF NOT EXISTS weather.city_day_summary_temperature (
    city_id bigint NOT NULL REFERENCES weather.cities,
    day date NOT NULL,
    readings integer NOT NULL CHECK (readings > 0),
    min_temperature_k numeric NOT NULL,
    max_temperature_k numeric NOT NULL,
    avg_temperature_k numeric NOT NULL,
    min_temperature_c numeric NOT NULL,
    max_temperature_c numeric NOT NULL,
    avg_temperature_c numeric NOT NULL,
    first_measured_at timestamptz NOT NULL,
    last_measured_at timestamptz NOT NULL,
    changed_in bigint NOT NULL,
    PRIMARY KEY (city_id, day)
);

-- Every hour between a city's first and last reading, except in long gaps. In gaps of up to weather.gap_limit hours, hours
-- without a reading are interpolated linearly; in longer ones they have no row.
CREATE TABLE IF NOT EXISTS weather.city_hour_temperature (
    city_id bigint NOT NULL REFERENCES weather.cities,
    hour timestamptz NOT NULL CHECK (extract(EPOCH FROM hour) % 3600 = 0),
    readings integer NOT NULL CHECK (readings >= 0),
    is_filled boolean NOT NULL GENERATED ALWAYS AS (readings = 0) STORED,
    temperature_k numeric NOT NULL,
    temperature_c numeric NOT NULL GENERATED ALWAYS AS (temperature_k - 273.15) STORED,
    moving_average_k numeric NOT NULL,
    moving_average_c numeric NOT NULL GENERATED ALWAYS AS (moving_average_k - 273.15) STORED,
    changed_in bigint NOT NULL,
    PRIMARY KEY (city_id, hour)
);

-- The limit that the rows of city_hour_temperature were computed with.
CREATE TABLE IF NOT EXISTS weather.gap_limit (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    max_gap_hours integer NOT NULL CHECK (max_gap_hours >= 0)
);

-- The gaps that were too long to be filled.
CREATE OR REPLACE VIEW weather.city_hour_gaps AS
SELECT
    series.city_id,
    city.name AS city,
    series.hour + interval '1 hour' AS first_hour,
    series.next_hour - interval '1 hour' AS last_hour,
    (extract(EPOCH FROM series.next_hour - series.hour) / 3600 - 1)::bigint AS hours
FROM (
    SELECT
        city_id,
        hour,
        lead(hour) OVER (PARTITION BY city_id ORDER BY hour) AS next_hour
    FROM weather.city_hour_temperature
) AS series
INNER JOIN weather.cities AS city USING (city_id)
WHERE series.next_hour - series.hour > interval '1 hour';
