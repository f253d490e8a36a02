"""Tags proposed by a WD-type tagger that the user has on disk."""
