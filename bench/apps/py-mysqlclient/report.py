"""Prints the report that a nightly job would send, or what it would ask where no server is given."""

import os
from pathlib import Path

import MySQLdb
from tabulate import tabulate

query = (Path(__file__).parent / "query.sql").read_text()

if "MYSQL_HOST" not in os.environ:
    print(tabulate([["client", ".".join(map(str, MySQLdb.version_info[:3]))], ["query", query.strip()]], headers=["what", "value"]))
else:
    connection = MySQLdb.connect(host=os.environ["MYSQL_HOST"], user="report", database="shop")
    cursor = connection.cursor()
    cursor.execute(query)
    print(tabulate(cursor.fetchall()))
