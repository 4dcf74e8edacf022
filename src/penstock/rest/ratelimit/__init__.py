"""Limits of calls, kept where everybody who calls with the same credential can see them."""
