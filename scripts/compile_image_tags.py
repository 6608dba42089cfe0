"""Write slimify/knowledge/image_tags.bin: every tag that the official images ever listed.

    python scripts/compile_image_tags.py [CATALOGUE]

The catalogue is a folder with `tag_history.tsv`, made from every version of every file under
`library/` in https://github.com/docker-library/official-images.
"""

from __future__ import annotations

import collections
import csv
import sys
from pathlib import Path

from slimify.knowledge.packed import pack

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT.parent / "shared" / "catalog"
TARGET = ROOT / "slimify" / "knowledge" / "image_tags.bin"


def compiled(catalogue: Path) -> bytes:
    """The bytes of the data file."""
    tables: dict[str, dict[str, str]] = collections.defaultdict(dict)
    latest = ""
    with open(catalogue / "tag_history.tsv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            tables[row["image"]][row["tag"]] = "current" if row["current"] == "yes" else "historic"
            latest = max(latest, row["last_seen"])
    notes = {"source": "https://github.com/docker-library/official-images, library/*, all versions", "date": latest}
    return pack(tables, notes)


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else CATALOGUE
    TARGET.write_bytes(compiled(folder))
