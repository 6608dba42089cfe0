# Go out of Debian's backports, at the place of the official image (https://github.com/docker-library/golang).
FROM debian:bookworm AS fetch
RUN sed 's/bookworm bookworm-updates/bookworm-backports/' /etc/apt/sources.list.d/debian.sources | sed '/^$/,$d' \
        > /etc/apt/sources.list.d/backports.sources \
    && apt-get update \
    && apt-get install -y --no-install-recommends -t bookworm-backports golang-1.23-go golang-1.23-src \
    && cp -aL /usr/lib/go-1.23 /go && rm -rf /go/test

FROM debian:bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl g++ gcc git gnupg libc6-dev make mercurial \
        netbase openssh-client pkg-config procps sq subversion wget \
    && rm -rf /var/lib/apt/lists/*
ENV GOLANG_VERSION=1.23 GOTOOLCHAIN=local GOPATH=/go
ENV PATH=$GOPATH/bin:/usr/local/go/bin:$PATH
COPY --from=fetch /go/ /usr/local/go/
RUN mkdir -p "$GOPATH/src" "$GOPATH/bin" && chmod -R 1777 "$GOPATH"
WORKDIR $GOPATH
