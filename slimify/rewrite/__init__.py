"""Edits, the pipeline that makes and checks them, and diffs."""
