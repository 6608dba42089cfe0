"""A list of notes, kept in memory."""

import requests
from flask import Flask, jsonify, render_template, request

app = Flask(__name__)
notes = ["buy milk", "call grandmother"]


@app.get("/")
def index():
    return render_template("index.html", notes=notes)


@app.get("/api/notes")
def list_notes():
    return jsonify(notes=notes, client=requests.__version__)


@app.post("/api/notes")
def add_note():
    notes.append(request.get_json()["text"])
    return jsonify(count=len(notes)), 201
