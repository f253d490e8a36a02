"""An epoch taken into use."""
