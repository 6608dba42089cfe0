import bottle
import psycopg2

app = bottle.default_app()
