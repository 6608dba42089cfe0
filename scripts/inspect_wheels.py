"""Say which shared libraries the newest wheels of a few packages load without bringing them along.

    python scripts/inspect_wheels.py --cache ../cache/wheels opencv-python soundfile

One package after the other is fetched with pip, for CPython 3.11 on x86-64 with glibc 2.28, and
kept in the cache; what is there already is not fetched again. The ELF files of the wheel are read
with `readelf -d` (binutils). The answer, merged into slimify/knowledge/python_elf.json, is evidence
for `run_libraries` in python_packages.toml, not a replacement: a wheel that loads a library with
dlopen does not show here.

Name only packages whose answer is in doubt: each costs its registry a download.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

RESULT = Path(__file__).parent.parent / "slimify" / "knowledge" / "python_elf.json"
MOST_PACKAGES = 40
MOST_MEGABYTES = 60.0
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64", "manylinux2010_x86_64")

# glibc's own libraries and what every Debian image has because apt and dpkg need it.
ALWAYS_THERE = re.compile(
    r"(ld-linux.*|libc|libm|libdl|libpthread|librt|libutil|libresolv|libmvec|libgcc_s|libstdc\+\+|libz)\.so\.\d+"
)


def fetched(name: str, cache: Path) -> Path | str:
    """The wheel of a package, or the reason why there is none."""
    folder = cache / name
    for wheel in folder.glob("*.whl"):
        return wheel
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    command += ["--python-version", "3.11", "--progress-bar", "off", "--disable-pip-version-check", name]
    for platform in PLATFORMS:
        command[-1:-1] = ["--platform", platform]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            size = re.search(r"Downloading .*\(([\d.]+) (MB|GB)\)", line)
            if size and (size[2] == "GB" or float(size[1]) > MOST_MEGABYTES):
                pip.terminate()
                return f"the wheel has {size[1]} {size[2]}"
    wheels = list(folder.glob("*.whl"))
    return wheels[0] if wheels else "no wheel for CPython 3.11 on x86-64 with glibc 2.28"


def dynamic(data: bytes) -> tuple[set[str], str]:
    """The NEEDED names and the SONAME of an ELF file."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        run = subprocess.run(
            ["readelf", "-d", file.name], capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
        )
    needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", run.stdout))
    soname = re.search(r"\(SONAME\).*\[(.+)\]", run.stdout)
    return needed, soname[1] if soname else ""


def inspected(wheel: Path) -> dict[str, object]:
    """What a wheel says: version, tags, ELF files, and the libraries that must come from elsewhere."""
    _, version, *_, python, abi, platform = wheel.stem.split("-")
    needed: set[str] = set()
    own: set[str] = set()
    programs: list[str] = []
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            with archive.open(entry) as file:
                if file.read(4) != b"\x7fELF":
                    continue
            wants, soname = dynamic(archive.read(entry))
            needed |= wants
            own |= {entry.filename.rsplit("/", 1)[-1], soname}
            if "/bin/" in entry.filename or (".data/scripts/" in entry.filename):
                programs.append(entry.filename)
    outside = sorted(one for one in needed - own if not ALWAYS_THERE.fullmatch(one))
    # libcairo-1a2b3c4d.so.2 -> libcairo: auditwheel puts a part of a hash into the name.
    bundled = sorted({re.split(r"-[0-9a-f]{8}\b|\.", one)[0] for one in own & needed if one.startswith("lib")})
    result: dict[str, object] = {"version": version, "tag": f"{python}-{abi}-{platform}"}
    result |= {"needs": outside, "bundles": bundled}
    if programs:
        result["programs"] = sorted(programs)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cache", type=Path, required=True, help="a folder outside the repository")
    parser.add_argument("names", nargs="+")
    arguments = parser.parse_args()
    if len(arguments.names) > MOST_PACKAGES:
        parser.error(f"more than {MOST_PACKAGES} packages at once: name those that are in doubt")
    known = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    for name in arguments.names:
        wheel = fetched(name, arguments.cache)
        entry: dict[str, object] = {"none": wheel} if isinstance(wheel, str) else inspected(wheel)
        known[name] = {"date": datetime.date.today().isoformat()} | entry
        print(name, json.dumps(known[name]))
        lines = [f"{json.dumps(one)}: {json.dumps(found)}" for one, found in sorted(known.items())]
        RESULT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
