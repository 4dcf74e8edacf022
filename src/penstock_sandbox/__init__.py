"""A local replacement of the outside world for demos and tests: APIs, and generators of dirty data."""
