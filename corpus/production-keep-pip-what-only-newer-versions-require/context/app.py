import flask
from packaging.version import Version

app = flask.Flask(__name__)
app.config["ASYNC"] = Version(flask.__version__) >= Version("2")
