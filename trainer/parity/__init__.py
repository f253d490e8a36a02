"""The same settings and data in several trainers, side by side; free of torch."""
