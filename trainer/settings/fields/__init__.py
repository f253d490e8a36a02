"""The settings by section, in the words of sd-scripts; `trainer.settings.model` puts them together."""
