"""Prompts as the webui reads them: weights, escapes, BREAK, chunks and LoRA tags; free of torch."""
