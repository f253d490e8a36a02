"""Each epoch of a bake placed between raw and burnt, in a lane for each part and one for memorization, with its evidence."""
