"""Starting the server on standard input and output, or on a port."""

from __future__ import annotations

import gc
import sys

from slimify.editor.features import make_server


def serve(address: tuple[str, int] | None) -> None:
    """Serve one client until it goes."""
    server = make_server()
    # What has been loaded stays: the collector need not look through it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
    # While the other thread computes, what a user waits for gets its turn soon.
    sys.setswitchinterval(0.001)
    if address is None:
        server.start_io()
    else:
        server.start_tcp(*address)
