"""The parts of production-dependencies: what installs, and the proof for each language that it may install less."""
