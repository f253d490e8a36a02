"""Watches over gradients, slow steps and disk space."""
