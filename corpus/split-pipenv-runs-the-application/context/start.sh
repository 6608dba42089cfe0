#!/bin/sh
set -e
exec pipenv run waitress-serve --listen=*:8000 app:app
