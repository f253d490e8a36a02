"""The engine: settings, data, models, LoRA layers and the bake. Never imports textual; usable as a library."""

__version__ = "0.1.0"
