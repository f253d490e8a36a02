"""A data set of any size, kept between looks: found, counted, compared."""
