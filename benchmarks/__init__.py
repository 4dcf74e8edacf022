"""How fast and how large: Penstock beside psql, on the embedded server, in one run. `make bench` runs it."""
