"""The lake: raw answers, many to an object, and what can be read from them without asking again."""
