"""Which pictures does a grid have, and in which order? What is asked, spelled out and checked."""
