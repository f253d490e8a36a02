"""What do the verdicts on a grid's pictures say? Rates, directions, proposals."""
