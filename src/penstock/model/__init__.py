"""Frozen values shared by all packages: plans, addresses, results and errors. Imports no other package of Penstock."""
