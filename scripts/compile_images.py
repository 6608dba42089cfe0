"""Write the JSON files that slimify reads from the TOML files on images that people write."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "slimify" / "knowledge"
NAMES = ("images", "image_config", "image_sizes", "image_packages", "run_packages")


def compiled(name: str) -> str:
    """The text of one JSON file."""
    data: dict[str, Any] = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    for name in NAMES:
        (FOLDER / f"{name}.json").write_text(compiled(name), encoding="utf-8")
