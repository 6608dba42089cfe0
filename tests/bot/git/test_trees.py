"""A commit as a build context says what a checkout of it by git itself says."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimify.bot.git import GitError, Limits, TooLargeError, clone
from slimify.bot.git_extract import extract
from slimify.context.listing import MAX_READ, ListedContext
from slimify.context.tree import open_context
from slimify.semantics.build_context import Entry, Kind
from tests.shared_corpus import ROOT, SHARED, is_shared

from .conftest import Cloned
from .plumbing import Bare
from .trees import resolve, tree_of

FILE = frozenset({"file"})
Files = Mapping[str, "bytes | tuple[str, bytes | str]"]


def checkout(bare: Bare, folder: Path) -> Path:
    """What git itself makes of the commit on a disk."""
    folder.mkdir()
    bare.git("config", "core.bare", "false")
    bare.git(f"--work-tree={folder}", "checkout", "-q", "-f", "main")
    bare.git("config", "core.bare", "true")
    return folder


def lies(context: ListedContext, folder: str = "") -> list[Entry]:
    found = []
    for entry in context.lies_in(folder):
        found.append(entry)
        if entry.kind is Kind.FOLDER:
            found += lies(context, entry.path)
    return found


def same(tree: ListedContext, disk: ListedContext) -> None:
    assert list(tree.entries()) == list(disk.entries())
    assert tree.ignored() == disk.ignored()
    assert tree.truncated == disk.truncated
    mine, theirs = tree.ignore_text(), disk.ignore_text()
    assert mine == theirs
    everything = lies(disk)
    assert lies(tree) == everything
    for entry in everything:
        assert tree.read(entry.path) == disk.read(entry.path), entry.path
        assert tree.lying_text(entry.path) == disk.lying_text(entry.path), entry.path
        assert tree.resolve(entry.path) == disk.resolve(entry.path), entry.path
        assert tree.entry(entry.path) == disk.entry(entry.path), entry.path
        assert tree.children(entry.path) == disk.children(entry.path), entry.path


_NAMES = st.sampled_from(
    ["a", "b", "c.txt", "a-b", "Dockerfile", ".dockerignore", "Dockerfile.dockerignore", "é", "\udcff"]
)
_PATHS = st.lists(_NAMES, min_size=1, max_size=4).map("/".join)
_IGNORES = st.lists(
    st.sampled_from(["a", "**/b", "!a/b", "*", "!c.txt", "a/*", "!**/a-b", "[", "Dockerfile", "é"]), max_size=4
).map(lambda lines: "\n".join(lines).encode())
# No link is absolute, nor leads out of the repository: what is there on a disk is not the repository's.
_TARGETS = st.lists(st.sampled_from(["a", "b", "c.txt", "..", ".", "Dockerfile", "gone"]), min_size=1, max_size=3).map(
    lambda parts: "/".join(parts).encode()
)


@st.composite
def trees(draw: st.DrawFn) -> Files:
    found: dict[str, bytes | tuple[str, bytes | str]] = {}
    for path in draw(st.lists(_PATHS, min_size=1, max_size=10, unique=True)):
        above = {path[:at] for at, character in enumerate(path) if character == "/"}
        if above & set(found) or any(other.startswith(f"{path}/") for other in found):
            continue
        kind = draw(st.integers(0, 5))
        if kind == 0:
            found[path] = ("120000", draw(_TARGETS))
        elif kind == 1:
            found[path] = ("100755", b"#!/bin/sh\n")
        elif path.endswith(".dockerignore"):
            found[path] = draw(_IGNORES)
        else:
            found[path] = draw(st.binary(max_size=20))
    return found


def leads_out(files: Files) -> bool:
    """Whether a link climbs above the root of the repository, where a disk may have something."""
    return any(
        isinstance(what, tuple) and what[0] == "120000" and str(what[1]).count("..") > path.count("/")
        for path, what in files.items()
    )


@given(trees(), st.sampled_from(["", "a", "b", "a/b"]), st.sampled_from([None, "Dockerfile", "a/Dockerfile", "b/a"]))
@settings(max_examples=40)
def test_random_trees(files: Files, folder: str, dockerfile: str | None) -> None:
    if leads_out(files):
        return
    with tempfile.TemporaryDirectory() as place:
        bare = Bare(Path(place, "bare"))
        bare.lay(files)
        disk = checkout(bare, Path(place, "checkout"))
        with clone(f"file://{bare.path}", str(Path(place, "clone")), protocols=FILE) as found:
            mine = tree_of(found, folder, dockerfile)
            theirs = open_context(str(disk / folder), None if dockerfile is None else str(disk / dockerfile))
            same(mine, theirs)
            out = Path(place, "out")
            out.mkdir()
            extract(found, str(out))
        said = subprocess.run(
            ["diff", "-r", "--no-dereference", str(out), str(disk)], capture_output=True, text=True, check=False
        )
        assert (said.returncode, said.stdout) == (0, "")
        modes = [(path.relative_to(out), path.lstat().st_mode) for path in sorted(out.rglob("*"))]
        assert modes == [(path.relative_to(disk), path.lstat().st_mode) for path in sorted(disk.rglob("*"))]


def _apps() -> list[Path]:
    folder = SHARED / "apps" if is_shared() else ROOT / "examples"
    return sorted(path.parent for path in folder.glob("*/Dockerfile"))


def test_real_applications(tmp_path: Path) -> None:
    """All of them in one repository, each a build context."""
    bare = Bare(tmp_path / "bare")
    apps = _apps()
    assert apps
    # What attributes have a checkout write otherwise is not followed, as `CommitFiles` says.
    (bare.path / "info").mkdir(exist_ok=True)
    (bare.path / "info" / "attributes").write_text("* -text -eol -ident -filter -working-tree-encoding\n")
    bare.git("config", "core.bare", "false")
    bare.git(f"--work-tree={apps[0].parent}", "add", "-A", "-f", ".", folder=apps[0].parent)
    bare.commit(bare.name("write-tree"))
    disk = checkout(bare, tmp_path / "checkout")
    with clone(f"file://{bare.path}", str(tmp_path / "clone"), protocols=FILE) as found:
        for app in apps:
            folder = app.name
            mine = tree_of(found, folder, f"{folder}/Dockerfile")
            same(mine, open_context(str(disk / folder), str(disk / folder / "Dockerfile")))


def test_a_submodule_is_an_empty_folder_of_which_nothing_is_known(bare: Bare, cloned: Cloned) -> None:
    bare.lay({"a/sub": ("160000", "1" * 40), "b/sub": ("160000", "1" * 40), "b/.dockerignore": b"sub\n", "c": b""})
    with cloned() as found:
        tree = tree_of(found, "")
        assert tree.entry("a/sub") == Entry("a/sub", Kind.FOLDER, 0, 0o755)
        assert tree.children("a/sub") == ()
        assert tree.truncated_because == "a/sub is a submodule, which was not fetched"
        assert not tree_of(found, "b").truncated
        ignored = tree_of(found, "b")
        assert ignored.lies_in("sub") == ()
        assert not ignored.truncated
        assert tree_of(found, "a/sub").truncated_because == "a/sub is a submodule, which was not fetched"


def test_a_folder_that_is_none(bare: Bare, cloned: Cloned) -> None:
    bare.lay(
        {"c": b"", "out": ("120000", b"../.."), "etc": ("120000", b"/etc"), "loop": ("120000", b"loop"), "d/e": b""}
    )
    with cloned() as found:
        for folder in ("gone", "c", "out", "etc", "loop", "..", "d/../..", "/"):
            tree = tree_of(found, folder, "Dockerfile")
            assert tree.entries() == ()
            assert tree.truncated_because == f"there is no folder {folder}"
            assert tree.read("c") is None


def test_where_links_lead(bare: Bare, cloned: Cloned) -> None:
    links = {
        "to": b"d/f", "up/to": b"../d/f", "dir": b"d", "out": b"../x", "passwd": b"/etc/passwd", "root": b"/d/f",
        "loop": b"loop", "empty": b"", "long": b"d/" * 3000 + b"f", "nul": b"d/f\0g",
    }  # fmt: skip
    bare.lay({"d/f": b"x", **{path: ("120000", target) for path, target in links.items()}})
    with cloned() as found:
        for path in ("to", "up/to", "dir/f", "nul", "d/../d/./f"):
            assert resolve(found, path) == "d/f", path
        for path in ("out", "passwd", "root", "loop", "empty", "long", "gone", "d/f/..", "d/f/x", ".."):
            assert resolve(found, path) is None, path
        tree = tree_of(found, "")
        assert tree.read("up/to") == b"x"
        assert tree.read("passwd") is None


def test_an_ignore_file_behind_a_link(bare: Bare, cloned: Cloned) -> None:
    bare.lay(
        {
            "in/.dockerignore": ("120000", b"ignores"), "in/ignores": b"x\n", "in/x": b"",
            "out/.dockerignore": ("120000", b"../in/ignores"), "out/x": b"",
            "etc/.dockerignore": ("120000", b"/etc/passwd"), "etc/x": b"",
            "big/.dockerignore": b"x" * (MAX_READ + 1), "big/x": b"",
        }
    )  # fmt: skip
    with cloned() as found:
        assert tree_of(found, "in").entry("x") is None
        for folder in ("out", "etc"):
            tree = tree_of(found, folder)
            assert tree.entry("x") is not None
            assert tree.ignore_text() is None
        assert "ignore file cannot be read" in tree_of(found, "big").truncated_because


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 314572800\n" % (b"a" * 64)


def test_a_file_of_lfs_is_not_what_is_stored(bare: Bare, cloned: Cloned) -> None:
    bare.lay({"m/.gitattributes": b"*.bin filter=lfs diff=lfs merge=lfs -text\n", "m/x.bin": POINTER, "m/y": b"y"})
    with cloned() as found:
        tree = tree_of(found, "m")
        assert tree.entry("x.bin") == Entry("x.bin", Kind.FILE, 314572800, 0o644)
        assert tree.read("x.bin") is None
        assert tree.read("y") == b"y"
        assert tree.lying_text("x.bin") is None
        assert found.read("m/x.bin") == POINTER


def test_a_small_file_of_lfs_has_no_content_either(bare: Bare, cloned: Cloned) -> None:
    bare.lay({".gitattributes": b"* filter=lfs\n", "x": POINTER.replace(b"314572800", b"10"), ".dockerignore": POINTER})
    with cloned() as found:
        tree = tree_of(found, "")
        assert tree.read("x") is None
        assert "ignore file cannot be read" in tree.truncated_because


def test_what_only_looks_like_a_pointer(bare: Bare, cloned: Cloned) -> None:
    bare.lay({"x.bin": POINTER})
    with cloned() as found:
        assert tree_of(found, "").read("x.bin") == POINTER


def test_a_folder_alone_is_written(bare: Bare, cloned: Cloned, tmp_path: Path) -> None:
    bare.lay({"a/b/f": b"1", "a/sub": ("160000", "1" * 40), "ab": b"2", "c": b"3"})
    with cloned() as found:
        out = tmp_path / "out"
        out.mkdir()
        extract(found, str(out), "a")
        assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*")) == ["a", "a/b", "a/b/f", "a/sub"]
        assert (out / "a/sub").is_dir()


def test_nothing_is_written_through_a_link(bare: Bare, cloned: Cloned, tmp_path: Path) -> None:
    bare.lay({"a/b": b"1", "c": b"2"})
    outside = tmp_path / "outside"
    outside.mkdir()
    with cloned() as found:
        for name, place in (("a", outside), ("c", outside / "c")):
            out = tmp_path / f"out-{name}"
            out.mkdir()
            (out / name).symlink_to(place)
            with pytest.raises(GitError, match="cannot be written"):
                extract(found, str(out))
        linked = tmp_path / "linked"
        linked.symlink_to(outside)
        with pytest.raises(GitError, match="cannot be written"):
            extract(found, str(linked))
    assert list(outside.iterdir()) == []


def test_more_bytes_than_allowed_are_not_written(bare: Bare, cloned: Cloned, tmp_path: Path) -> None:
    bare.lay({"a": b"x" * 600, "b": b"x" * 600})
    out = tmp_path / "out"
    out.mkdir()
    with cloned(limits=Limits(extracted_bytes=1000)) as found, pytest.raises(TooLargeError):
        extract(found, str(out))
    assert list(out.iterdir()) == []
    with cloned(limits=Limits(extracted_bytes=1200)) as found:
        extract(found, str(out))
    assert len(list(out.iterdir())) == 2


def test_names_that_no_file_system_holds(bare: Bare, cloned: Cloned, tmp_path: Path) -> None:
    bare.lay({"x" * 300: b""})
    out = tmp_path / "out"
    out.mkdir()
    with cloned() as found, pytest.raises(GitError, match="too long"):
        extract(found, str(out))
