"""The settings by section, under sd-scripts' names; `trainer.settings.model` joins them."""
