"""LoRA files and states of a bake."""
