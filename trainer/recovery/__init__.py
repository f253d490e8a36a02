"""A lost journal rebuilt from the folders of bakes and grids."""
