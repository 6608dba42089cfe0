"""The language server: what slimify says and does while a Dockerfile is being written.

Nothing here is imported by another command than `slimify lsp`, which alone needs pygls. The modules
without pygls in them are pure: they make places and edits out of a text and what the engine said of it.
"""
