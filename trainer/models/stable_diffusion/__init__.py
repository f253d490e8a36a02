"""Stable Diffusion, 1.x and XL: its files, its modules and its noise; what the families `sd1` and `sdxl` share."""
