"""What a tree means to Docker: stages, state, commands and their effects."""
