"""What a model with a LoRA does on fixed pictures, times, noise and prompts."""
