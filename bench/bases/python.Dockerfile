# CPython, configured as the official image does (https://github.com/docker-library/python), out of Debian's source
# package: its upstream archive without Debian's patches.
FROM buildpack-deps:bookworm AS build
RUN sed -i 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/debian.sources \
    && apt-get update \
    && apt-get install -y --no-install-recommends libbluetooth-dev tk-dev uuid-dev libexpat1-dev
WORKDIR /usr/src
RUN apt-get -o APT::Sandbox::User=root source --download-only --tar-only python3.11 && tar -xf python3.11_*.orig.tar.*
RUN cd Python-3.11.* \
    && ./configure --enable-loadable-sqlite-extensions --enable-option-checking=fatal --enable-shared \
        --with-system-expat --with-ensurepip > /dev/null \
    && make -s -j"$(nproc)" LDFLAGS=-Wl,--strip-all > /dev/null 2>&1 \
    && make -s install > /dev/null 2>&1 \
    && find /usr/local -depth '(' -type d '(' -name test -o -name tests -o -name idle_test ')' \
        -o -type f '(' -name '*.py[co]' -o -name 'libpython*.a' ')' ')' -exec rm -rf '{}' + \
    && ldconfig \
    && python3 -m pip install --no-cache-dir --no-compile pip==24.0 setuptools==65.5.1 wheel==0.45.1 \
    && find /usr/local -depth -name __pycache__ -exec rm -rf '{}' + \
    && for one in idle3 pip3 pydoc3 python3 python3-config; do ln -sf "$one" "/usr/local/bin/$(echo $one | tr -d 3)"; done
RUN rm -rf /usr/local/share/ca-certificates /usr/local/share/stand-in /usr/local/etc

FROM buildpack-deps:bookworm AS full
ENV PATH=/usr/local/bin:$PATH LANG=C.UTF-8 PYTHON_VERSION=3.11.2
RUN apt-get update \
    && apt-get install -y --no-install-recommends libbluetooth-dev tk-dev uuid-dev \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /usr/local/ /usr/local/
RUN ldconfig
CMD ["python3"]

FROM debian:bookworm-slim AS slim
ENV PATH=/usr/local/bin:$PATH LANG=C.UTF-8 PYTHON_VERSION=3.11.2
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates netbase tzdata libbz2-1.0 libdb5.3 libexpat1 libffi8 \
        libgdbm6 liblzma5 libncursesw6 libreadline8 libsqlite3-0 libssl3 libuuid1 zlib1g libnsl2 libtirpc3 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /usr/local/ /usr/local/
RUN ldconfig
CMD ["python3"]
