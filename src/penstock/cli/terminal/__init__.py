"""The streams that a command writes to: what they can show, whether a person watches, and what moves meanwhile."""
