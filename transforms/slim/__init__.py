"""The parts of slim-base: what a stage and its application use, and what a slim image has of it."""
