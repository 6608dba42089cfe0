"""Reads feeds."""
