"""Conversion between our recipes and a webui's infotext."""
