"""Object stores: directories and S3 buckets."""
