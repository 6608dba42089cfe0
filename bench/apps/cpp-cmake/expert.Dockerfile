FROM debian:bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ cmake make
COPY . /app
WORKDIR /app/build
RUN cmake -DCMAKE_BUILD_TYPE=Release .. && make

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libstdc++6 && rm -rf /var/lib/apt/lists/*
WORKDIR /app/build
COPY --from=build /app/build/echo_server .
EXPOSE 9000
CMD ["./echo_server"]
