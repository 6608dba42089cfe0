"""Write slimify/knowledge/image_releases.bin, image_bases.bin and dotnet_tags.bin: what an image is built on.

    python scripts/compile_image_bases.py OFFICIAL_IMAGES [CLONES]

OFFICIAL_IMAGES is a full clone of https://github.com/docker-library/official-images. CLONES is a
folder in which lie full clones of the repositories that build the images, each as OWNER+NAME/repo;
without one, bases stay unknown and releases rest on tags and folders alone.

A tag without a release in its name (`python:3.11`) is looked up in the last version of `library/`
that lists it. There the release is, in this order of trust,

1. the base image of the Dockerfile, at the commit and in the folder that the entry names,
2. a release in another tag of the same entry (`3.11-trixie` beside `3.11`),
3. a release in the name of the folder (`20/bookworm`).

An entry for Windows counts only if there is no other one.

The tags of the .NET images come from every version of the README files in dotnet/dotnet-docker,
which must be among the clones; the folder of a Dockerfile names the release.
"""

from __future__ import annotations

import collections
import functools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from slimify.knowledge.packed import pack
from slimify.knowledge.releases import release_in

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "slimify" / "knowledge"

IMAGES = """
adoptopenjdk amazoncorretto azul-zulu buildpack-deps cassandra clojure composer dart debian drupal
eclipse-temurin elixir erlang gcc ghost golang gradle groovy haproxy haskell httpd ibm-semeru-runtimes
ibmjava jetty jruby julia mariadb maven memcached mongo mysql nextcloud nginx node openjdk perl php
postgres pypy python r-base rabbitmq redis ruby rust sapmachine swift tomcat ubuntu wordpress
""".split()

# Of these the base is worth a line for every tag: what it stands on tells what its run-time sibling is.
BASES = """
elixir erlang golang gradle haskell maven node perl php pypy python ruby rust httpd tomcat
""".split()


class Entry(NamedTuple):
    """One paragraph of a library file: tags that are one image, and where its Dockerfile is."""

    tags: tuple[str, ...]
    repository: str
    commit: str
    folder: str
    file: str


def git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


class Blobs:
    """Files of a clone, by commit and path, through one long-running process."""

    def __init__(self, repository: Path) -> None:
        self.process = subprocess.Popen(
            ["git", "-C", str(repository), "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def read(self, name: str) -> str | None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if "\n" in name:
            return None
        self.process.stdin.write(name.encode() + b"\n")
        self.process.stdin.flush()
        head = self.process.stdout.readline().split()
        if len(head) != 3 or head[1] not in (b"blob", b"tree"):
            return None
        data = self.process.stdout.read(int(head[2]))
        self.process.stdout.read(1)
        return data.decode("utf-8", "replace") if head[1] == b"blob" else None


def entries(text: str) -> list[Entry]:
    """The paragraphs of a library file, in either of the formats it has had."""
    found = []
    defaults: dict[str, str] = {}
    for paragraph in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        fields: dict[str, str] = {}
        key = ""
        for line in paragraph.splitlines():
            if line[:1].isspace() and key:
                fields[key] += " " + line.strip()
                continue
            old = re.match(r"(\S+):\s*(?:git|https?)://(\S+?)@(\w+)(?:\s+(\S+))?\s*$", line)
            if old:
                found.append(Entry((old[1],), "https://" + old[2], old[3], old[4] or ".", "Dockerfile"))
                continue
            key, colon, value = line.partition(":")
            key = key.strip().lower()
            if colon:
                fields[key] = value.strip()
        if "tags" not in fields and "sharedtags" not in fields:
            defaults.update(fields)
            continue
        fields = {**defaults, **fields}
        commit = fields.get("amd64-gitcommit", fields.get("gitcommit", ""))
        folder = fields.get("amd64-directory", fields.get("directory", "."))
        tags = tuple(re.findall(r"[^\s,]+", fields.get("tags", "") + "," + fields.get("sharedtags", "")))
        file = fields.get("amd64-file", fields.get("file", "Dockerfile"))
        found.append(Entry(tags, fields.get("gitrepo", ""), commit, folder, file))
    return found


def is_windows(entry: Entry) -> bool:
    return "windows" in entry.folder or all(release_in(tag) == "windows" for tag in entry.tags)


def last_entries(official: Path, image: str) -> dict[str, Entry]:
    """For each tag that an image ever had, the entry of the last version that lists it."""
    blobs = Blobs(official)
    last: dict[str, Entry] = {}
    for commit in git(official, "log", "--format=%H", "--", f"library/{image}").split():
        text = blobs.read(f"{commit}:library/{image}")
        if not text:
            continue
        now: dict[str, Entry] = {}
        for entry in sorted(entries(text), key=is_windows):
            for tag in entry.tags:
                now.setdefault(tag, entry)
        for tag, entry in now.items():
            last.setdefault(tag, entry)
    return last


class Clones:
    """The repositories that build the images."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.blobs = functools.cache(self._blobs)
        self.base = functools.cache(self._base)

    def _blobs(self, repository: str) -> Blobs | None:
        name = "+".join(repository.removesuffix(".git").rstrip("/").split("/")[-2:])
        renamed = {
            "c0b+docker-elixir": "erlef+docker-elixir",
            "c0b+docker-erlang-otp": "erlang+docker-erlang-otp",
            "perl+docker-perl": "Perl+docker-perl",
        }
        path = self.folder / renamed.get(name, name) / "repo" if self.folder else None
        return Blobs(path) if path is not None and path.is_dir() else None

    def _base(self, entry: Entry) -> str:
        """What the last stage of an entry's Dockerfile is built from, empty if that cannot be told."""
        blobs = self.blobs(entry.repository)
        folder = "" if entry.folder in (".", "") else entry.folder.strip("/") + "/"
        text = blobs.read(f"{entry.commit}:{folder}{entry.file}") if blobs else None
        stages: dict[str, str] = {}
        base = ""
        for line in (text or "").splitlines():
            match = re.match(r"(?i)FROM\s+(?:--\S+\s+)?(\S+)(?:\s+AS\s+(\S+))?", line)
            if match:
                base = stages.get(match[1].lower(), match[1])
                if match[2]:
                    stages[match[2].lower()] = base
        return "" if "$" in base else base


def older_base(official: Path, image: str, clones: Clones) -> dict[str, str]:
    """The base of each tag in the last version of the library file whose Dockerfile is at hand.

    Good for the name of an image to build with (`gradle:8-jdk17` is on Temurin 17), not for a release.
    """
    blobs = Blobs(official)
    found: dict[str, str] = {}
    for commit in git(official, "log", "--format=%H", "--", f"library/{image}").split():
        for entry in entries(blobs.read(f"{commit}:library/{image}") or ""):
            base = "" if is_windows(entry) else clones.base(entry)
            java = re.search(r":(?:open-|jdk)?(\d+)", base)
            for tag in entry.tags if java else ():
                # A tag that does not name its Java moves on to another one.
                if java and re.search(rf"(?:jdk|-){java[1]}(?=-|$)", tag):
                    found.setdefault(tag, base)
    return found


DOTNET = ("sdk", "aspnet", "runtime", "runtime-deps")


def dotnet(clones: Path) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]], str]:
    """Tags, releases and date of the .NET images."""
    repository = clones / "dotnet+dotnet-docker" / "repo"
    blobs = Blobs(repository)
    tags: dict[str, dict[str, str]] = {}
    releases: dict[str, dict[str, str]] = {}
    for name in DOTNET:
        plain = f"mcr.microsoft.com/dotnet/{name}"
        core = f"mcr.microsoft.com/dotnet/core/{name}"
        for image in (plain, core):
            tags[image], releases[image] = {}, {}
        state = "current"
        for commit in git(repository, "log", "--format=%H", "--", f"README.{name}.md").split():
            text = blobs.read(f"{commit}:README.{name}.md") or ""
            # Until June 2020 the images had `core/` in their names.
            image = core if core in text and plain not in text else plain
            row = (
                r"(?m)^([^|\n]+)\|\s*\[Dockerfile\]\(\S*?src/(?:[\w.-]+/)*?"
                r"[\d.]+/([\w.-]+)/[\w.-]+/Dockerfile\)"
            )
            rows = re.findall(row, text)
            for names, folder in sorted(rows, key=lambda row: release_in(row[1]) == "windows"):
                for tag in re.findall(r"[\w.-]+", names):
                    tags[image].setdefault(tag, state)
                    release = release_in(folder)
                    if release and not release_in(tag):
                        releases[image].setdefault(tag, release)
            state = "historic" if rows else state
    return tags, releases, git(repository, "log", "-1", "--format=%cs").strip()


def only(values: Iterator[str]) -> str:
    """The single value among those that are not empty."""
    found = {value for value in values if value}
    return found.pop() if len(found) == 1 else ""


def folder_release(folder: str) -> str:
    return only(release_in(part) for part in folder.replace("alpine/", "alpine").split("/"))


def main(official: Path, folder: Path | None) -> None:
    clones = Clones(folder)
    releases: dict[str, dict[str, str]] = collections.defaultdict(dict)
    bases: dict[str, dict[str, str]] = collections.defaultdict(dict)
    todo: dict[tuple[str, str], str] = {}
    for image in IMAGES:
        for tag, entry in last_entries(official, image).items():
            base = clones.base(entry)
            if image in BASES and base:
                bases[image][tag] = base
            if release_in(tag):
                continue
            name, _, base_tag = base.rpartition("/")[2].partition(":")
            release = release_in(base_tag) or release_in(base_tag, name)
            release = release or only(release_in(other) for other in entry.tags) or folder_release(entry.folder)
            if release:
                releases[image][tag] = release
            elif base:
                todo[image, tag] = base
    for (image, tag), base in todo.items():
        name, _, base_tag = base.partition(":")
        release = releases.get(name, {}).get(base_tag or "latest", "")
        if release:
            releases[image][tag] = release
    for image in ("gradle", "maven"):
        bases[image] = {**older_base(official, image, clones), **bases[image]}
    if folder is not None:
        dotnet_tags, dotnet_releases, dotnet_date = dotnet(folder)
        releases.update(dotnet_releases)
        about = {"source": "https://github.com/dotnet/dotnet-docker, README.*.md, all versions", "date": dotnet_date}
        (FOLDER / "dotnet_tags.bin").write_bytes(pack(dotnet_tags, about))
    date = git(official, "log", "-1", "--format=%cs").strip()
    source = "https://github.com/docker-library/official-images, library/*, all versions"
    notes = {"source": source + ", and the Dockerfiles they name", "date": date}
    (FOLDER / "image_releases.bin").write_bytes(pack(releases, notes))
    (FOLDER / "image_bases.bin").write_bytes(pack(bases, notes))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
