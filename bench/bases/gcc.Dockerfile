# Debian's GCC 12, where the official image has one of its own below /usr/local.
FROM buildpack-deps:bookworm
RUN apt-get update && apt-get install -y --no-install-recommends gfortran && rm -rf /var/lib/apt/lists/*
CMD ["bash"]
