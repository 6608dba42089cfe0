"""An address that cannot be had."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path


def test_a_port_that_somebody_else_has(tmp_path: Path) -> None:
    """It is said as what is wrong with the settings, and nothing is left half begun."""
    settings = tmp_path / "settings.toml"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings.write_text(
            f'database = "{tmp_path}/q.db"\nlisten = "127.0.0.1:{port}"\n'
            '[forge.github]\ntoken-env = "T"\nwebhook-secret-env = "S"\n'
        )
        command = [sys.executable, "-m", "slimify", "bot", "serve", "--settings", str(settings)]
        env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "T": "some-token", "S": "some-secret"}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith(f"listen: 127.0.0.1:{port} cannot be had: ")
    assert "Traceback" not in done.stderr and "never awaited" not in done.stderr
