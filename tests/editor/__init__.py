"""The language server, asked as an editor asks."""
