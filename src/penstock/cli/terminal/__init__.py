"""Terminal output: standard streams, the console and live status."""
