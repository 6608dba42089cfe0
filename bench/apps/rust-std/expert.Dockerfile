FROM rust:1-bookworm AS build
WORKDIR /usr/src/dice
COPY . .
RUN cargo build --release

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgcc-s1 && rm -rf /var/lib/apt/lists/*
WORKDIR /usr/src/dice
COPY --from=build /usr/src/dice/target/release/dice target/release/dice
CMD ["./target/release/dice", "7"]
