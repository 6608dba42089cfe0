# Debian's OpenJDK at the place of Temurin's (https://github.com/adoptium/containers).
FROM debian:bookworm-slim AS jdk
ENV JAVA_HOME=/opt/java/openjdk LANG=en_US.UTF-8 LC_ALL=C.UTF-8
ENV PATH=$JAVA_HOME/bin:$PATH
RUN mkdir -p /opt/java /usr/share/man/man1 \
    && apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl fontconfig openjdk-17-jdk-headless tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && mv /usr/lib/jvm/java-17-openjdk-amd64 /opt/java/openjdk \
    && ln -s /opt/java/openjdk /usr/lib/jvm/java-17-openjdk-amd64
CMD ["jshell"]

FROM debian:bookworm-slim AS jre
ENV JAVA_HOME=/opt/java/openjdk LANG=en_US.UTF-8 LC_ALL=C.UTF-8
ENV PATH=$JAVA_HOME/bin:$PATH
RUN mkdir -p /opt/java /usr/share/man/man1 \
    && apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl fontconfig openjdk-17-jre-headless tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && mv /usr/lib/jvm/java-17-openjdk-amd64 /opt/java/openjdk \
    && ln -s /opt/java/openjdk /usr/lib/jvm/java-17-openjdk-amd64
