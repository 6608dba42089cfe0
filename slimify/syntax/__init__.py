"""Text and trees, lossless: what a Dockerfile says, before asking what it means."""
