"""LoRA files copied to where they are used."""
