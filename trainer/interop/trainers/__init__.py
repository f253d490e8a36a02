"""One module for each trainer's files: how they are recognised, and the table of their keys."""
