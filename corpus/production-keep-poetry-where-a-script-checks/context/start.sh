#!/bin/sh
python -m black --check . || echo not formatted
exec flask --app shop run
