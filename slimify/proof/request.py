"""One request to a port, which is over in time whatever the other side does."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from urllib.parse import quote

from slimify.proof.spoken import Kept

# How long a request may take altogether, and one wait for the next bytes.
_LONGEST = 10.0
_PIECE = 1 << 16
# What may stand in the target of a request as it is (RFC 3986, 3.3 and 3.4); a percent sign begins what is quoted.
_AS_IT_IS = "%/?:@!$&'()*+,;=~-._"


def answer(host: str, port: int, path: str, seconds: float) -> str | None:
    """What a port says to a request; None while nobody listens. The first line has the status and the type.

    What is no HTTP is said to be open.
    """
    deadline = min(_LONGEST, seconds)
    over = threading.Event()
    connection = http.client.HTTPConnection(host, port, timeout=deadline)
    try:
        connection.connect()
    except OSError:
        return None
    # A connection lets go of its socket when the answer begins; each byte that drips begins its time limit anew.
    sock = connection.sock

    def end() -> None:
        over.set()
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(deadline, end)
    timer.start()
    try:
        connection.request("GET", quote(path, safe=_AS_IT_IS), headers={"Host": "localhost", "Connection": "close"})
        response = connection.getresponse()
        kind = (response.getheader("Content-Type") or "").partition(";")[0]
        return f"{response.status} {kind}\n{_body(response, over)}"
    except http.client.RemoteDisconnected:
        # The engine's proxy takes connections before anybody listens behind it, and drops them.
        return None
    except http.client.BadStatusLine:
        return None if over.is_set() else "open, and speaks no HTTP"
    except (OSError, http.client.HTTPException):
        return None
    finally:
        timer.cancel()
        connection.close()


def is_open(host: str, port: int) -> bool:
    """Whether somebody listens."""
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False


def _body(response: http.client.HTTPResponse, over: threading.Event) -> str:
    kept = Kept()
    try:
        while piece := response.read1(_PIECE):
            kept.add(piece)
    except (OSError, ValueError, http.client.HTTPException):
        if not over.is_set():
            return f"{kept.text()}\n[the answer breaks off]"
    return "[the answer does not end]" if over.is_set() else kept.text()
