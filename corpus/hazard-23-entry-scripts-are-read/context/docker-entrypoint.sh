#!/bin/sh
set -e
until wget -q -O /dev/null http://queue:9000/; do
    sleep 1
done
exec "$@"
