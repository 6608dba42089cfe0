FROM debian:bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make
WORKDIR /src
COPY . .
RUN make && make install

FROM debian:bookworm-slim
WORKDIR /src
COPY --from=build /usr/local/bin/primes /usr/local/bin/primes
CMD ["primes", "50"]
