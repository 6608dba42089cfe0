"""What is in built images, and whether two of them are the same program."""
