import subprocess

from flask import Flask

app = Flask(__name__)
kernel = subprocess.run(["uname", "-r"], capture_output=True)
