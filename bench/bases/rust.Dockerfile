# Debian's Rust, where the official image has rustup's.
FROM buildpack-deps:bookworm
ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo PATH=/usr/local/cargo/bin:$PATH
RUN apt-get update && apt-get install -y --no-install-recommends cargo rustc && rm -rf /var/lib/apt/lists/* \
    && mkdir -p /usr/local/cargo/bin && ln -s /usr/bin/cargo /usr/bin/rustc /usr/local/cargo/bin/
