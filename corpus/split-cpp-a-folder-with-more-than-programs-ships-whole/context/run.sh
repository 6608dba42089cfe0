#!/bin/sh
set -e
cd /app/build
exec ./player
