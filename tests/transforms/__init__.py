"""Transforms, one file each: what golden cases cannot show."""
