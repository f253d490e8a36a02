"""The base model: recognised, loaded, and asked for embeddings, latents and noise predictions."""
