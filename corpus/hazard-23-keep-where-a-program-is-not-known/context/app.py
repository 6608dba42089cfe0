import subprocess
import sys

from flask import Flask

app = Flask(__name__)
OUTPUT = subprocess.check_output(sys.argv[1:])
