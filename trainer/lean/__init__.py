"""A base that computes no more than it must, keeps no more than it needs, and holds its frozen weights in little memory."""
