"""What Node projects say about themselves: package.json, lock files, build tools, and what their sources need."""
