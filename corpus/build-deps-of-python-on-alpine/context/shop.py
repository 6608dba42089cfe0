import psycopg2
from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    with psycopg2.connect("") as connection:
        return str(connection.server_version)
