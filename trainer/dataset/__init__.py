"""Which pictures, with what words, in which buckets and batches?"""
