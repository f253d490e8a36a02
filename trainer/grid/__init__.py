"""Grids: axes, values, recipes and presets; a spec expanded and checked before a picture is made. Free of torch."""
