"""What will a bake's memory peak at, and which settings fit? The real step on tensors without numbers."""
