"""Pictures from a loaded base: schedulers, LoRAs in force, whole grids."""
