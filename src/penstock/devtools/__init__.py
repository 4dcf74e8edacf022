"""Projects as a whole: made from a template, looked after, tried against other versions."""
