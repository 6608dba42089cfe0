"""delete-in-layer: files that are there for a moment, and the bytes that they leave in a layer."""
