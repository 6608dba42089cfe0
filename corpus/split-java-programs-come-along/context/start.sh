#!/bin/sh
set -e
exec java $JAVA_OPTS -jar /app/target/orders-0.0.1-SNAPSHOT.jar "$@"
