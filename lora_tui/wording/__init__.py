"""Numbers, states and jobs as text."""
