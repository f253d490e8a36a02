"""The plan of a bake: steps, rates, files and disk space, before anything runs."""
