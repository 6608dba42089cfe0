"""Tests of slimify."""
