"""SD1.x: what is known of it, and the published configs of its components."""
