#!/bin/bash
# A Docker engine out of Debian's packages, unpacked beside the system and started for the bench and its tests.
#
#     bench/engine.sh start     install what is missing, start, print what to export
#     bench/engine.sh env       print what to export
#     bench/engine.sh stop      stop it; --purge also deletes its images and its programs
#
# Debian's stable engine may be too old (20.10 knows no here-documents), so a later suite's programs are unpacked into
# a folder of their own: Go programs need no more than the C library that is there. runc is the system's.
# SLIMIFY_ENGINE_SUITE names the suite, SLIMIFY_ENGINE_HOME the folder. Packages come from where the system's do.
set -euo pipefail
suite=${SLIMIFY_ENGINE_SUITE:-forky}
home=${SLIMIFY_ENGINE_HOME:-/var/lib/slimify-engine}
programs=$home/$suite socket=/run/slimify-engine.sock bridge=br-slimify

client() { DOCKER_HOST=unix://$socket "$programs/usr/bin/docker" "$@"; }
answers() { client version >/dev/null 2>&1; }

mirror() {
    awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/*.sources 2>/dev/null | grep . ||
        awk '$1 == "deb" {for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) {print $i; exit}}' /etc/apt/sources.list
}

install() {
    local missing=()
    for one in runc iptables ip:iproute2 tini mmdebstrap; do
        PATH=$PATH:/usr/sbin:/sbin command -v "${one%%:*}" >/dev/null || missing+=("${one##*:}")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        apt-get -qq update
        DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
    fi
    [ -x "$programs/usr/sbin/dockerd" ] && return
    local work=$home/install
    rm -rf "$work"
    mkdir -p "$work/lists/partial" "$work/debs" "$programs.new"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror) $suite main" > "$work/suite.list"
    local options=(-qq -o "Dir::Etc::SourceList=$work/suite.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$work/lists" -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update
    (cd "$work/debs" && apt-get "${options[@]}" download docker.io docker-cli docker-buildx containerd)
    for one in "$work"/debs/*.deb; do dpkg-deb -x "$one" "$programs.new"; done
    mkdir -p "$programs.new/config"
    echo "{\"cliPluginsExtraDirs\": [\"$programs/usr/libexec/docker/cli-plugins\"]}" > "$programs.new/config/config.json"
    mv "$programs.new" "$programs"
    rm -rf "$work"
}

start() {
    [ "$(id -u)" = 0 ] || { echo "an engine is started by root alone" >&2; exit 1; }
    answers 2>/dev/null && return
    mkdir -p "$home/data"
    install
    echo '{}' > "$home/daemon.json"
    # A bridge of its own: with --bridge=none an engine deletes the bridge of another one.
    if ! ip link show $bridge >/dev/null 2>&1; then
        ip link add $bridge type bridge
        ip address add 172.29.254.1/24 dev $bridge
        ip link set $bridge up
    fi
    PATH=$programs/usr/bin:$programs/usr/sbin:$PATH nohup setsid "$programs/usr/sbin/dockerd" \
        --config-file "$home/daemon.json" -H unix://$socket --data-root "$home/data" --exec-root /run/slimify-engine \
        -p /run/slimify-engine.pid --bridge=$bridge --iptables=false --ip6tables=false --ip-masq=false \
        --ip-forward=false > "$home/log" 2>&1 < /dev/null &
    for _ in $(seq 300); do
        answers && return
        sleep 0.1
    done
    tail -20 "$home/log" >&2
    exit 1
}

stop() {
    if [ -f /run/slimify-engine.pid ]; then
        local number
        number=$(cat /run/slimify-engine.pid)
        kill "$number" 2>/dev/null || true
        for _ in $(seq 300); do
            kill -0 "$number" 2>/dev/null || break
            sleep 0.1
        done
    fi
    ip link delete $bridge 2>/dev/null || true
    if [ "${1:-}" = --purge ]; then rm -rf "$home"; fi
}

environment() {
    echo "export SLIMIFY_STAND_INS=1 DOCKER_HOST=unix://$socket DOCKER_CONFIG=$programs/config PATH=$programs/usr/bin:\$PATH"
}

case ${1:-} in
    start) start; environment ;;
    env) environment ;;
    stop) stop "${2:-}" ;;
    *) sed -n '2,/^set /{s/^# \{0,1\}//p}' "$0"; exit 2 ;;
esac
