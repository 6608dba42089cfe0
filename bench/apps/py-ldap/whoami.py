"""A WSGI application without a framework: turns a user's name into the filter that a directory is asked with."""

import ldap
from ldap.filter import escape_filter_chars


def app(environ, start_response):
    name = environ.get("PATH_INFO", "/").strip("/") or "nobody"
    body = f"(&(objectClass=person)(uid={escape_filter_chars(name)})) ldap{ldap.VERSION3}\n".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
