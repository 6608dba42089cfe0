"""Which Dockerfiles a repository has, and how its own files say that they are built. Nothing in it is ever run."""
