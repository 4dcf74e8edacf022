"""Where objects lie: a directory, or a server that speaks S3."""
