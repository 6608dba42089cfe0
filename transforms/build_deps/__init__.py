"""drop-build-deps: what serves only to build is gone again at the end of the layer that it was installed in."""
