"""A rewrite gives hadolint nothing new to complain of at the levels error and warning."""

from __future__ import annotations

import functools
import json
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from shared_corpus import changed

from slimify.rewrite.edit import Level

from .shfmt import program

PARTS = 4
Findings = Counter[tuple[str, str]]

# (file, code): why hadolint says more of the rewrite, and is wrong or beside the point.
# An entry for a file that no longer has the finding fails.
_YUM_UPDATE = (
    "hadolint misses a clean-up in `yum update && yum clean all && yum install x && yum clean all`, though one stands "
    "behind each command; over two RUNs it does not"
)
KNOWN: dict[tuple[str, str], str] = {
    ("dockerfiles/CentOS__CentOS-Dockerfiles/Django__centos6__Dockerfile", "DL3032"): _YUM_UPDATE,
    ("dockerfiles/CentOS__CentOS-Dockerfiles/couchdb__centos6__Dockerfile", "DL3032"): _YUM_UPDATE,
    ("dockerfiles/CentOS__CentOS-Dockerfiles/etherpad__Dockerfile", "DL3032"): _YUM_UPDATE,
    ("dockerfiles/CentOS__CentOS-Dockerfiles/firefox__centos7__Dockerfile", "DL3032"): _YUM_UPDATE,
    ("dockerfiles/CentOS__CentOS-Dockerfiles/httpd__centos6__Dockerfile", "DL3032"): _YUM_UPDATE,
    ("dockerfiles/CentOS__CentOS-Dockerfiles/lighttpd__centos7__Dockerfile", "DL3032"): _YUM_UPDATE,
    ("dockerfiles/CentOS__CentOS-Dockerfiles/memcached__centos6__Dockerfile", "DL3032"): _YUM_UPDATE,
    ("dockerfiles/CentOS__CentOS-Dockerfiles/memcached__centos7__Dockerfile", "DL3032"): _YUM_UPDATE,
    ("dockerfiles/CentOS__CentOS-Dockerfiles/mysql55__centos6__Dockerfile", "DL3032"): _YUM_UPDATE,
    ("dockerfiles/CentOS__CentOS-Dockerfiles/mysql__centos6__Dockerfile", "DL3032"): _YUM_UPDATE,
    ("dockerfiles/CentOS__CentOS-Dockerfiles/python__centos6__Dockerfile", "DL3032"): _YUM_UPDATE,
    ("dockerfiles/CentOS__CentOS-Dockerfiles/registry__centos7__Dockerfile", "DL3032"): _YUM_UPDATE,
    ("dockerfiles/CentOS__CentOS-Dockerfiles/ssh__centos6__Dockerfile", "DL3032"): _YUM_UPDATE,
    ("dockerfiles/CentOS__CentOS-Dockerfiles/ssh__centos7__Dockerfile", "DL3032"): _YUM_UPDATE,
    ("dockerfiles/greshem__centos7-dockerfiles/wildfly__Dockerfile", "DL3032"): _YUM_UPDATE,
}
# Those of level aggressive alone.
_CAME_ALONG = (
    "with --no-install-recommends two packages are named that came along before, in any version; hadolint wants one, "
    "as the package beside them has"
)
_UPGRADE = "corpus/hazard-22-an-upgrade-that-is-there-stays-the-only-one"
KNOWN_IF_AGGRESSIVE: dict[tuple[str, str], str] = {
    (f"{_UPGRADE}/Dockerfile", "DL3008"): _CAME_ALONG,
    (f"{_UPGRADE}/expected/Dockerfile", "DL3008"): _CAME_ALONG,
}


def _names(level: Level) -> list[str]:
    """The files to look at; at level aggressive, those that turn out otherwise than at level standard."""
    here = changed(level)
    if level is Level.STANDARD:
        return sorted(here)
    below = changed(Level.STANDARD)
    return sorted(n for n in here if n not in below or here[n].after.text != below[n].after.text)


def _lint(texts: list[bytes]) -> list[Findings]:
    """The error- and warning-level findings for each text, by code."""
    found: list[Findings] = [Counter() for _ in texts]
    if not texts:
        return found
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(texts):
            Path(folder, str(number)).write_bytes(text)
        names = [str(number) for number in range(len(texts))]
        command = [program("hadolint"), "--no-fail", "--format", "json", "--config", "/dev/null", *names]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        for one in json.loads(done.stdout):
            if one["level"] in ("error", "warning"):
                found[int(one["file"])][one["code"], one["level"]] += 1
    return found


@functools.cache
def _new(level: Level, part: int) -> dict[tuple[str, str], int]:
    """(file, code) of what is found more often after than before, and how much more often."""
    names = _names(level)[part::PARTS]
    outcomes = changed(level)
    before = _lint([outcomes[name].before.data for name in names])
    after = _lint([outcomes[name].after.data for name in names])
    return {
        (name, code): count
        for name, old, new in zip(names, before, after, strict=True)
        for (code, _), count in (new - old).items()
    }


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("level", [Level.STANDARD, Level.AGGRESSIVE], ids=lambda level: level.label)
def test_nothing_new_to_complain_of(level: Level, part: int) -> None:
    new = _new(level, part)
    known = KNOWN_IF_AGGRESSIVE if level is Level.AGGRESSIVE else KNOWN
    surprises = {key: count for key, count in new.items() if key not in known}
    assert not surprises
    names = _names(level)[part::PARTS]
    gone = [key for key in known if key[0] in names and key not in new]
    assert not gone, f"no longer found, take them out of the table: {gone}"


def test_there_is_something_to_lint() -> None:
    assert _names(Level.STANDARD)
