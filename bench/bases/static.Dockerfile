# What distroless/static holds (https://github.com/GoogleContainerTools/distroless, base): packages unpacked, no dpkg.
FROM debian:bookworm AS fetch
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates
WORKDIR /packages
RUN apt-get -o APT::Sandbox::User=root download base-files netbase tzdata \
    && for one in *.deb; do dpkg-deb -x "$one" /out; done \
    && rm -rf /out/usr/share/doc/*/changelog* /out/usr/share/man /out/usr/share/lintian \
    && mkdir -p /out/etc/ssl/certs /out/home/nonroot /out/root /out/tmp && chmod 1777 /out/tmp \
    && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ \
    && printf '%s\n' root:x:0:0:root:/root:/sbin/nologin nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin \
        nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin > /out/etc/passwd \
    && printf '%s\n' root:x:0: nobody:x:65534: tty:x:5: staff:x:50: nonroot:x:65532: > /out/etc/group \
    && chown 65532:65532 /out/home/nonroot

FROM scratch
COPY --from=fetch /out/ /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /
