"""Other programs' formats: the webui's infotext, styles and ui-config, sd-scripts' prompt files, safetensors headers."""
