"""One outcome, many faces.

Each module has a `render` that turns outcomes into text and does nothing else. The modules are
loaded by name when a format is asked for, so that none of them costs the others anything.

Everything that comes from a Dockerfile may be hostile: a report must not let it move the cursor of
a terminal, mention people on a forge, start a workflow command or break out of its quotes. What a
text shows is therefore made visible or harmless here; what a program reads is exact.
"""
