"""Web APIs: concurrent requests under a shared rate limit. Answers are stored unchanged in the lake."""
