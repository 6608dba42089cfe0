"""Real editors, with what editors/ tells users to load: a save is what slimify gives, and one undo takes it back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import slimify

HOME = Path(__file__).resolve().parents[2]
DRIVERS = Path(__file__).with_name("drivers")
COMMANDS = {
    "nvim": ["--headless", "-u", "NONE", "-c", f"luafile {DRIVERS / 'neovim.lua'}"],
    "emacs": ["-Q", "--batch", "-l", str(DRIVERS / "emacs.el")],
}
TEXT = (
    'FROM debian:bookworm-slim\nRUN apt-get update\nRUN apt-get install -y curl   \n# ünï 🐳\nENV A b\nCMD ["curl"]\n'
)


@pytest.mark.parametrize("editor", COMMANDS)
def test_a_save_and_an_undo(editor: str, tmp_path: Path) -> None:
    if shutil.which(editor) is None:
        pytest.skip(f"{editor} is not installed")
    home, project = tmp_path / "home", tmp_path / "project"
    (home / ".emacs.d").mkdir(parents=True)
    (project / ".git").mkdir(parents=True)
    path, told = project / "Dockerfile", tmp_path / "told.json"
    path.write_text(TEXT)
    environment = {
        **os.environ,
        "HOME": str(home),
        "XDG_STATE_HOME": str(home),
        "SLIMIFY_LUA": str(HOME / "editors" / "neovim" / "slimify.lua"),
        "SLIMIFY_EL": str(HOME / "editors" / "emacs" / "slimify.el"),
        "SLIMIFY_PROGRAM": str(Path(sys.executable).with_name("slimify")),
        "SLIMIFY_FILE": str(path),
        "SLIMIFY_TOLD": str(told),
    }
    command = [editor, *COMMANDS[editor]]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=180)
    if "Cannot open load file" in done.stderr and "eglot" in done.stderr:
        pytest.skip("emacs is installed without eglot")
    assert told.exists(), done.stdout + done.stderr
    found = json.loads(told.read_text())
    wanted = slimify.fix(TEXT, path=str(path), level="safe", layout=True).after.text
    assert wanted != TEXT
    assert path.read_text() == found["saved"] == wanted
    assert found["line"] == 'CMD ["curl"]'
    assert found["undone"] == TEXT
    assert found["diagnostics"] > 0
