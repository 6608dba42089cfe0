import os

import ldap


def app(environ, start_response):
    directory = ldap.initialize(os.environ["DIRECTORY"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [directory.whoami_s().encode()]
