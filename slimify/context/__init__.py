"""What the build context holds. Nothing in it is ever run."""
