"""Guards over gradients, the pace of the steps and disk space."""
