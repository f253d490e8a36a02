"""Evaluation of the verdicts on a grid's pictures: rates, directions, proposals."""
