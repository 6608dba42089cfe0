"""Golden cases: a Dockerfile, and what becomes of it."""
