"""X/Y/Z grids as far as they need no torch: what is asked, which pictures that makes, and what comes of them on the disk."""
