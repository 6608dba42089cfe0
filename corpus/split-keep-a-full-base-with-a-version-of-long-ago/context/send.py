import os

import psycopg2
from celery import Celery

app = Celery(broker=os.environ["BROKER"])
for (name,) in psycopg2.connect(os.environ["DSN"]).cursor():
    app.send_task(name)
