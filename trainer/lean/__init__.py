"""The frozen base with less computing and memory: leaner modules, checkpointing, compilation, 8-bit weights."""
