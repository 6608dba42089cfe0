"""Write slimify/knowledge/package_managers.json from the TOML file beside it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "slimify" / "knowledge"


def compiled() -> str:
    """The text of the JSON file. What only people read (notes, where an estimate comes from) stays behind."""
    data = tomllib.loads((FOLDER / "package_managers.toml").read_text(encoding="utf-8"))
    for manager in data["manager"]:
        manager.pop("notes", None)
        manager.pop("estimate_source", None)
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    (FOLDER / "package_managers.json").write_text(compiled(), encoding="utf-8")
