import bottle
import psycopg2

app = bottle.default_app()


def main() -> None:
    bottle.run(app)
