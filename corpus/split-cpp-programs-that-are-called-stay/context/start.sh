#!/bin/sh
set -e
mkdir -p /tmp/mirror
exec ./mirror "$@"
