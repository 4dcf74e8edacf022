"""Web APIs: requests of one kind, many at once, under one limit; what comes back is kept as it came."""
