SELECT
    market_date,
    ticker,
    open_price,
    high_price,
    low_price,
    close_price,
    close_price - open_price AS change,
    volume
FROM market.open_close
WHERE market_date = {day}
