"""A PostgreSQL server for the tests, in a folder that goes away with it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def _programs() -> Path:
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        pytest.skip("no PostgreSQL here: scripts/need-postgres")
    return folders[-1]


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The address of a server without databases of its own, over a socket only."""
    programs = _programs()
    # It refuses to run as root.
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = None if os.getuid() else "postgres" if "postgres" in names else "nobody"
    # Not pytest's own folder: its path is too long for a socket, and others than its user may not enter it.
    with tempfile.TemporaryDirectory(prefix="slimify-pg-") as name:
        folder = Path(name)
        if user:
            shutil.chown(folder, user)

        def run(*arguments: str) -> None:
            command = [str(programs / arguments[0]), *arguments[1:]]
            # What the server says goes to its log: with a pipe, this would wait for the server to end.
            output = folder / "output"
            with output.open("wb") as out:
                done = subprocess.run(command, stdout=out, stderr=out, user=user, cwd=folder)
            if done.returncode:
                raise AssertionError(output.read_text(errors="replace"))

        run("initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "slimify", "--no-sync")
        settings = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "-D", f"{folder}/data", "-o", settings, "-l", f"{folder}/log", "-w", "start")
        try:
            yield f"host={folder} user=slimify dbname=postgres"
        finally:
            run("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "-w", "stop")
