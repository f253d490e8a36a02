"""The terminal program: commands, screens and widgets."""
