"""Facts, as data files with one typed reader each. No logic."""
