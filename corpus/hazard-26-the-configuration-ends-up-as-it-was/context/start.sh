#!/bin/sh
set -e
python -c "import psycopg2"
exec "$@"
