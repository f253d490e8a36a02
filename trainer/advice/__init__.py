"""Advice: from symptoms to what to try, in which order and direction, with its evidence and its sources; free of torch."""
