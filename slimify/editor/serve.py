"""Starting the server on standard input and output, or on a port."""

from __future__ import annotations

import asyncio
import gc
import os
import stat
import sys
import threading

from pygls.io_ import StdoutWriter, run_async

from slimify.config import NOTHING
from slimify.editor.analysis import Analysis
from slimify.editor.features import make_server
from slimify.editor.minimal import minimal_edits
from slimify.editor.session import Session
from slimify.editor.settings import EditorSettings
from slimify.rewrite.outcome import Outcome
from slimify.syntax.source import Source


def serve(address: tuple[str, int] | None) -> None:
    """Serve one client until it goes."""
    server = make_server()
    _load()
    # What has been loaded stays: the collector need not look through it again and again. It has its turn when nobody
    # is typing (`Session.changed`), and else only if that never comes.
    gc.collect()
    gc.freeze()
    gc.set_threshold(500_000)
    # While the other thread computes, what a user waits for gets its turn soon.
    sys.setswitchinterval(0.001)
    if address is not None:
        server.start_tcp(*address)
    elif sys.platform == "win32" or not _is_pipe(sys.stdin.fileno()):
        server.start_io()
    else:
        try:
            asyncio.run(_serve_pipe(server))
        except (BrokenPipeError, KeyboardInterrupt, SystemExit):
            pass
        finally:
            server.shutdown()


def _is_pipe(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


async def _serve_pipe(server: Session) -> None:
    """Read as the messages come. pygls asks a thread for each line of each header, which takes as long as the rest."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    server.protocol.set_writer(StdoutWriter(sys.stdout.buffer))
    await run_async(threading.Event(), reader, server.protocol, error_handler=server.report_server_error)


def _load() -> None:
    """Have all that formatting takes loaded before the first file is saved."""
    for text in (_FIRST, _FIRST.replace("&&", ";")):
        safe = Analysis(Source(text), EditorSettings().under(NOTHING)).safe
        if isinstance(safe, Outcome):
            minimal_edits(safe.before, safe.after)


_FIRST = """FROM python:3.11-slim
MAINTAINER a
RUN apt-get update && apt-get upgrade -y \\
  && apt-get install -y curl
RUN curl -O https://example.com/a.tgz
RUN tar xf a.tgz && rm a.tgz
RUN pip install a && npm ci
"""
