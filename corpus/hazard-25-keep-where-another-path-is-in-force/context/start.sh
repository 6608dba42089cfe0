#!/bin/sh
set -e
exec su nobody -s /bin/sh -c "gunicorn app:app"
