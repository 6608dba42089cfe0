import os

import bottle
import psycopg2

app = bottle.default_app()

os.system("pg_config --version")
