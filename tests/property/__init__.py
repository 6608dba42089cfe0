"""What must hold for any Dockerfile, on Dockerfiles that hypothesis makes up."""
