CREATE SCHEMA IF NOT EXISTS market;

-- Answers of the service, flattened: one row for each answer with prices. Prices are in dollars; numeric is exact.
CREATE TABLE IF NOT EXISTS market.open_close (
    market_date date NOT NULL,
    ticker text NOT NULL,
    open_price numeric NOT NULL CHECK (open_price > 0),
    high_price numeric NOT NULL,
    low_price numeric NOT NULL CHECK (low_price > 0),
    close_price numeric NOT NULL CHECK (close_price > 0),
    volume numeric NOT NULL CHECK (volume >= 0),
    after_hours numeric,
    pre_market numeric,
    answered_at timestamptz NOT NULL,
    PRIMARY KEY (market_date, ticker),
    CHECK (high_price >= low_price)
);

CREATE TABLE IF NOT EXISTS market.transformed_market_data (
    market_date date NOT NULL,
    ticker text NOT NULL,
    open_price numeric NOT NULL,
    high_price numeric NOT NULL,
    low_price numeric NOT NULL,
    close_price numeric NOT NULL,
    change numeric NOT NULL CHECK (change = close_price - open_price),
    volume numeric NOT NULL,
    PRIMARY KEY (market_date, ticker)
);

-- The result of the last transformation, before it is published.
CREATE TABLE IF NOT EXISTS market.staged_market_data (
    LIKE market.transformed_market_data INCLUDING ALL
);
