"""Pictures, captions, buckets and batches."""
