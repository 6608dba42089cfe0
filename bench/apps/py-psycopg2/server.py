"""Says which PostgreSQL client it would speak with, and quotes names as the server wants them."""

import os

import psycopg2
from flask import Flask
from psycopg2.extensions import libpq_version, parse_dsn

app = Flask(__name__)
DSN = os.environ.get("DATABASE_URL", "postgresql://shop:secret@db:5432/shop")


@app.route("/")
def index():
    target = parse_dsn(DSN)
    return {"driver": psycopg2.__version__.split()[0], "libpq": libpq_version() // 10000, "host": target["host"]}


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
