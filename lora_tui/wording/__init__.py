"""Numbers, states, jobs, grids and memory as text."""
