"""What golden cases cannot show of the transforms."""
