"""SDXL and what was trained from it: what is known of it, and the published configs of its components."""
