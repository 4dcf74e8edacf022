"""Rate limits, shared by all processes that call with the same credential."""

# Longer pauses are cut: a time that is further ahead is from before the clock was set back.
LONGEST_PAUSE_S = 3600.0
