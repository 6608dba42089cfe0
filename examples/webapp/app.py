"""A page that shows which SQLite it was built with."""

import sqlite3

from flask import Flask

app = Flask(__name__)


@app.get("/")
def index() -> str:
    return f"SQLite {sqlite3.sqlite_version}\n"
