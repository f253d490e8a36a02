"""One bake over several processes, each with a GPU of its own: process 0 leads, the others do as it says."""
