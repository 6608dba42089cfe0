import psycopg2
from flask import Flask

app = Flask(__name__)


def main() -> None:
    app.run()
