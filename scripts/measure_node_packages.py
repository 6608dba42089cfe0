"""Write slimify/knowledge/node_sizes.json: how many bytes packages of npm take once they are installed.

    npm install --ignore-scripts react-scripts@5        # in a folder for each tool, with whatever it requires
    python scripts/measure_node_packages.py FOLDER…

Of a package that several folders have the smallest is written down, and those below `_LEAST` only by their median.
The trees are what a folder holds as a whole, under the name of its first dependency where it is the only one.
"""

from __future__ import annotations

import datetime
import json
import os
import statistics
import sys
from pathlib import Path

TARGET = Path(__file__).parent.parent / "slimify" / "knowledge" / "node_sizes.json"
_LEAST = 300_000


def packages(modules: Path) -> dict[str, int]:
    """The packages below a node_modules with their bytes, without what lies in a node_modules of their own."""
    found: dict[str, int] = {}
    for folder in sorted(modules.iterdir()) if modules.is_dir() else ():
        inner = sorted(folder.iterdir()) if folder.name.startswith("@") else [folder]
        for one in inner:
            if one.name.startswith(".") or one.is_symlink() or not one.is_dir():
                continue
            size = 0
            for path, folders, files in os.walk(one):
                if "node_modules" in folders:
                    folders.remove("node_modules")
                size += sum((Path(path) / name).lstat().st_size for name in files)
            found[one.relative_to(modules).as_posix()] = size
            for name, more in packages(one / "node_modules").items():
                found.setdefault(name, more)
    return found


def main(folders: list[str]) -> None:
    sizes: dict[str, int] = {}
    trees: dict[str, int] = {}
    for folder in map(Path, folders):
        found = packages(folder / "node_modules")
        for name, size in found.items():
            sizes[name] = min(size, sizes.get(name, size))
        asked = list(json.loads((folder / "package.json").read_text(encoding="utf-8"))["dependencies"])
        if len(asked) == 1:
            trees[asked[0]] = sum(found.values())
    data = {
        "about": "Bytes of files of npm packages after `npm install --ignore-scripts` on Linux, x86_64, glibc: the "
        "smallest version at hand. By scripts/measure_node_packages.py.",
        "date": datetime.date.today().isoformat(),
        "median": int(statistics.median(sizes.values())),
        "trees": dict(sorted(trees.items())),
        "packages": {name: size for name, size in sorted(sizes.items()) if size >= _LEAST},
    }
    TARGET.write_text(json.dumps(data, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
