import bottle
import nltk

app = bottle.default_app()
