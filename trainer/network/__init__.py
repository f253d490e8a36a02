"""The LoRA: layers, injection, and the file in kohya's format."""
