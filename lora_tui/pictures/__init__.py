"""Pictures and grids as the screens hold them."""
