"""Everything known of a bake on one page."""
