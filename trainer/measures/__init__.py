"""What is measured of a bake's epochs: the record of every measure, and those that follow exactly from a LoRA file."""
