"""Meaning: builds, commands, effects, pragmas."""
