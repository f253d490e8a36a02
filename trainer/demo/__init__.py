"""The demo: a tiny base model, a drawn data set and the workspace that holds them."""
