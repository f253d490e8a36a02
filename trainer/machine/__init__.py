"""Readings of this computer and its cards by NVML and psutil; what a card does not report is N/A."""
