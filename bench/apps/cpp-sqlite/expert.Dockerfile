FROM debian:bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ libsqlite3-dev
WORKDIR /usr/src/myapp
COPY main.cpp .
RUN g++ -O2 -o ledger main.cpp -lsqlite3

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libsqlite3-0 libstdc++6 && rm -rf /var/lib/apt/lists/*
WORKDIR /usr/src/myapp
COPY --from=build /usr/src/myapp/ledger .
COPY schema.sql .
CMD ["./ledger"]
