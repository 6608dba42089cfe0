import bottle

application = bottle.default_app()
