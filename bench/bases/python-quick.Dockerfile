# Debian's own Python where the official image has its, for tests that cannot wait for CPython to be compiled.
FROM debian:bookworm-slim AS slim
ENV PATH=/usr/local/bin:$PATH LANG=C.UTF-8 PYTHON_VERSION=3.11.2
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates netbase python3 python3-pip python3-venv tzdata \
    && rm -rf /var/lib/apt/lists/* /usr/lib/python3.11/EXTERNALLY-MANAGED \
    && for one in pip python; do ln -s "/usr/bin/${one}3" "/usr/local/bin/$one"; done
CMD ["python3"]

FROM debian:bookworm AS full
ENV PATH=/usr/local/bin:$PATH LANG=C.UTF-8 PYTHON_VERSION=3.11.2
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl gcc libc6-dev libpq-dev make netbase python3 \
        python3-dev python3-pip python3-venv tzdata \
    && rm -rf /var/lib/apt/lists/* /usr/lib/python3.11/EXTERNALLY-MANAGED \
    && for one in pip python; do ln -s "/usr/bin/${one}3" "/usr/local/bin/$one"; done
CMD ["python3"]
