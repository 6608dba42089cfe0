#!/bin/sh
set -e
./bin/migrate
exec "$@"
