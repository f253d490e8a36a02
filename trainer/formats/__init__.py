"""How do others write it? The webui's infotext, styles and ui-config."""
