"""What each family of base models has: its parts, its names, its defaults; free of torch."""
