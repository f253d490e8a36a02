"""How much two bakes differ that differ in nothing but their random numbers, and what that says of every other difference."""
