"""slimify held against programs that other people wrote."""
