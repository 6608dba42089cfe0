#!/bin/sh
set -e
: "${WORKERS:=2}"
if [ "$1" = "shell" ]; then
    exec flask --app app shell
fi
exec gunicorn --bind 0.0.0.0:8000 --workers "$WORKERS" app:app
