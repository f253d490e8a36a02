"""What is this computer doing? NVML and psutil readings, N/A where a card does not say."""
