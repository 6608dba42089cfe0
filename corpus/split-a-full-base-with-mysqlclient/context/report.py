import os

import MySQLdb
from tabulate import tabulate

with MySQLdb.connect(host=os.environ["HOST"]).cursor() as cursor:
    cursor.execute("SHOW TABLES")
    print(tabulate(cursor.fetchall()))
