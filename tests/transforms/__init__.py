"""The transforms, one by one: what golden cases cannot show."""
