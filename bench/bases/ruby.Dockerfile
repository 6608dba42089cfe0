# Debian's Ruby, where the official image has one of its own below /usr/local.
FROM debian:bookworm-slim AS slim
ENV LANG=C.UTF-8 RUBY_VERSION=3.1
RUN apt-get update && apt-get install -y --no-install-recommends bundler ca-certificates ruby && rm -rf /var/lib/apt/lists/* \
    && for one in bundle gem irb ruby; do ln -s "/usr/bin/$one" /usr/local/bin/; done
ENV GEM_HOME=/usr/local/bundle BUNDLE_SILENCE_ROOT_WARNING=1 BUNDLE_APP_CONFIG=/usr/local/bundle
ENV PATH=$GEM_HOME/bin:$PATH
RUN mkdir -p "$GEM_HOME" && chmod 1777 "$GEM_HOME"
CMD ["irb"]

FROM buildpack-deps:bookworm AS full
ENV LANG=C.UTF-8 RUBY_VERSION=3.1
RUN apt-get update && apt-get install -y --no-install-recommends bundler ca-certificates ruby ruby-dev && rm -rf /var/lib/apt/lists/* \
    && for one in bundle gem irb ruby; do ln -s "/usr/bin/$one" /usr/local/bin/; done
ENV GEM_HOME=/usr/local/bundle BUNDLE_SILENCE_ROOT_WARNING=1 BUNDLE_APP_CONFIG=/usr/local/bundle
ENV PATH=$GEM_HOME/bin:$PATH
RUN mkdir -p "$GEM_HOME" && chmod 1777 "$GEM_HOME"
CMD ["irb"]
