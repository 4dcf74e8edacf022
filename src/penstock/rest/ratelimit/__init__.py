"""Rate limits, shared by all processes that call with the same credential."""
