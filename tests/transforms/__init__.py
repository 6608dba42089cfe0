"""Tests of single transforms, for what golden cases cannot show."""
