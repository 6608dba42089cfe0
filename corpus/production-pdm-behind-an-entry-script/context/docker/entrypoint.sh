#!/bin/sh
# Migrations first.
pdm run alembic upgrade head
exec "$@"
