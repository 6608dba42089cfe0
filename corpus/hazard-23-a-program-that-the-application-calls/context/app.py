import subprocess

from flask import Flask

app = Flask(__name__)
REVISION = subprocess.check_output(["git", "ls-remote", "https://example.com/shop.git"])
