"""Prompts as the webui means them: weights, escapes, BREAK, chunks and LoRA tags; free of torch."""
