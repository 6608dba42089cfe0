"""What of a folder is sent, and what is read of it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import slimify
from slimify.context import listing, sizes
from slimify.context.listing import ListedContext
from slimify.context.memory import MemoryContext
from slimify.context.patterns import Matcher
from slimify.context.tree import Tree, open_context
from slimify.semantics.build_context import BuildContext, Entry, Kind

Lay = Callable[..., ListedContext]


def on_disk(root: Path, files: dict[str, bytes | str], links: dict[str, str], dockerfile: str | None) -> Tree:
    for path, data in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data.encode() if isinstance(data, str) else data)
    for path, target in links.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)
    return open_context(str(root), None if dockerfile is None else str(root / dockerfile))


@pytest.fixture(params=["disk", "memory"])
def lay(request: pytest.FixtureRequest, tmp_path: Path) -> Lay:
    def build(
        files: dict[str, bytes | str], links: dict[str, str] | None = None, dockerfile: str | None = None
    ) -> ListedContext:
        if request.param == "memory":
            return MemoryContext(files, links=links, dockerfile=dockerfile)
        return on_disk(tmp_path, files, links or {}, dockerfile)

    return build


def paths(context: BuildContext) -> list[str]:
    return [entry.path for entry in context.entries()]


def test_everything_is_sent_without_an_ignore_file(lay: Lay) -> None:
    context = lay({"a/b/c": "123", "a-b": "", "x": ""}, {"a/l": "b/c"})
    assert paths(context) == ["a", "a-b", "a/b", "a/b/c", "a/l", "x"]
    assert context.entry("a/b/c") == Entry("a/b/c", Kind.FILE, 3, 0o644)
    assert context.entry("a/l") == Entry("a/l", Kind.LINK, 0, 0o777, "b/c")
    assert [one.path for one in context.children("a")] == ["a/b", "a/l"]
    assert [one.path for one in context.children("")] == ["a", "a-b", "x"]
    assert not context.truncated
    assert context.ignore_file is None
    assert context.ignored() == []


def test_paths_that_are_none(lay: Lay) -> None:
    context = lay({"a/b": "x"}, {"l": "a"})
    assert context.entry("") is not None
    assert context.entry("./a/../a//b") == context.entry("a/b")
    for path in ("..", "../a", "/a", "a/b/c", "a/c", "l/b", "c"):
        assert context.entry(path) is None, path
        assert context.children(path) == (), path
    assert context.children("a/b") == ()
    assert context.read("a") is None
    assert context.read("/a/b") is None
    assert context.read("../a/b") is None


def test_what_is_ignored_is_not_there(lay: Lay) -> None:
    context = lay(
        {
            ".dockerignore": "node_modules\n*.log\nDockerfile\n.dockerignore\n"
            "docs\n!docs/keep/me.md\nempty\n!empty/x/y",
            "Dockerfile": "FROM a",
            "app.py": "1",
            "x.log": "1",
            "node_modules/a/b.js": "1",
            "docs/keep/me.md": "1",
            "docs/keep/not": "1",
            "docs/other": "1",
            "empty/x/z": "1",
        }
    )
    assert context.entry("docs/keep/me.md") is not None
    assert paths(context) == ["app.py", "docs", "docs/keep", "docs/keep/me.md"]
    for path in ("node_modules", "node_modules/a/b.js", "Dockerfile", "docs/other", "empty", "empty/x", "empty/x/z"):
        assert context.entry(path) is None, path
        assert context.read(path) is None, path
    ignored = [".dockerignore", "Dockerfile", "docs/keep/not", "docs/other", "empty", "node_modules", "x.log"]
    assert [one.path for one in context.ignored()] == ignored
    assert context.ignore_file is not None
    assert context.ignore_file.data.startswith(b"node_modules\n")


def test_the_dockerfiles_own_ignore_file(lay: Lay) -> None:
    files: dict[str, bytes | str] = {".dockerignore": "a", "d/x.dockerignore": "b", "a": "", "b": "", "d/x": ""}
    context = lay(files, dockerfile="d/x")
    assert "a" in paths(context)
    assert "b" not in paths(context)
    assert context.ignore_file is not None
    assert context.ignore_file.path.endswith("d/x.dockerignore")


def test_an_ignore_file_that_docker_refuses(lay: Lay) -> None:
    context = lay({".dockerignore": "a[", "a": "", "b": ""})
    assert context.truncated
    assert "a[" in context.truncated_because
    assert paths(context) == []
    assert context.entry("b") is None


def test_links_are_followed_inside_only(lay: Lay) -> None:
    context = lay(
        {"a/b/file": "x", "top": "y", ".dockerignore": "secret", "secret/s": "z"},
        {
            "to-file": "a/b/file",
            "to-folder": "a/b",
            "a/up": "../top",
            "a/out": "../../top",
            "a/far": "/etc/passwd",
            "loop": "loop",
            "ping": "pong",
            "pong": "ping",
            "gone": "nothing",
            "to-secret": "secret/s",
            "chain": "to-folder/../../a/up",
            "dots": "./a/./b//file",
        },
    )
    assert context.read("to-file") == b"x"
    assert context.read("to-folder/file") == b"x"
    assert context.read("a/up") == b"y"
    assert context.read("dots") == b"x"
    assert context.read("chain") == b"y"
    assert context.resolve("to-folder") == "a/b"
    assert context.resolve("") == ""
    for path in ("a/out", "a/far", "loop", "ping", "gone", "to-secret", "to-folder", "to-file/x", "top/x"):
        assert context.read(path) is None, path


def test_text(lay: Lay) -> None:
    context = lay(
        {
            "plain": "é",
            "bom": b"\xef\xbb\xbfa",
            "little": "aé".encode("utf-16"),
            "big": b"\xfe\xff\0a",
            "odd": b"\xff\xfea\0b",
            "latin": b"caf\xe9",
        }
    )
    assert [context.text(path) for path in ("plain", "bom", "little", "big")] == ["é", "a", "aé", "a"]
    assert context.text("odd") == "a\ufffd"
    assert context.text("latin") == "caf\udce9"
    assert context.text("gone") is None


def test_names_of_every_kind(tmp_path: Path) -> None:
    names = [b"caf\xe9", b"new\nline", b" blank ", b"star*", b"back\\slash"]
    for name in names:
        Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name))).write_bytes(name)
    context = open_context(str(tmp_path))
    assert sorted(os.fsencode(path) for path in paths(context)) == sorted(names)
    assert all(context.read(path) == os.fsencode(path) for path in paths(context))


def test_what_is_neither_file_nor_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    server = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    try:
        os.chdir(tmp_path)  # the path of a socket may not be long
        server.bind("socket")
    finally:
        os.chdir(here)
        server.close()
    context = open_context(str(tmp_path))
    assert [(one.path, one.kind) for one in context.entries()] == [("fifo", Kind.OTHER), ("socket", Kind.OTHER)]
    assert context.read("fifo") is None
    assert not context.truncated


def test_a_file_that_becomes_a_link_or_a_fifo_is_not_followed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "passwd").write_text("x")
    context = open_context(str(tmp_path))
    assert len(paths(context)) == 4
    (tmp_path / "a").unlink()
    (tmp_path / "a").symlink_to("/etc/passwd")
    (tmp_path / "b").unlink()
    os.mkfifo(tmp_path / "b")
    (tmp_path / "folder" / "passwd").unlink()
    (tmp_path / "folder").rmdir()
    (tmp_path / "folder").symlink_to("/etc")
    assert context.read("a") is None
    assert context.read("b") is None
    assert context.read("folder/passwd") is None


def test_what_vanishes_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").write_text("x")
    context = open_context(str(tmp_path))
    assert len(context.children("")) == 2
    (tmp_path / "a").rmdir()
    (tmp_path / "b").unlink()
    assert context.children("a") == ()
    assert context.read("b") is None
    assert not context.truncated


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("missing", "file"):
        context = open_context(str(tmp_path / name))
        assert paths(context) == []
        assert context.truncated


def denied(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    real = os.scandir

    def scandir(path: str) -> object:
        if path.endswith(name):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)


def test_a_folder_that_may_not_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = on_disk(tmp_path, {"a/b": "", "c": ""}, {}, None)
    denied(monkeypatch, "/a")
    assert paths(context) == ["a", "c"]
    assert context.truncated_because.endswith("/a cannot be listed: permission denied")
    # The builder does without an ignored one.
    context = on_disk(tmp_path, {".dockerignore": "a\n!a/b"}, {}, None)
    assert "a" not in paths(context)
    assert not context.truncated


def test_an_ignore_file_that_cannot_be_read(tmp_path: Path) -> None:
    context = on_disk(tmp_path, {".dockerignore": b"#" * (listing.MAX_READ + 1), "a": ""}, {}, None)
    assert context.truncated
    assert "ignore file" in context.truncated_because


def test_an_ignore_file_that_is_a_link(tmp_path: Path) -> None:
    context = on_disk(tmp_path, {"conf/ignore": "a", "a": ""}, {".dockerignore": "conf/ignore"}, None)
    assert "a" not in paths(context)
    os.mkdir(tmp_path / "inner")
    (tmp_path / "inner" / ".dockerignore").symlink_to("../conf/ignore")
    (tmp_path / "inner" / "a").write_text("")
    assert "a" in paths(open_context(str(tmp_path / "inner")))


def test_limits(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    files: dict[str, bytes | str] = {f"d{n}/f{m}": "" for n in range(5) for m in range(5)}
    monkeypatch.setattr(listing, "MAX_ENTRIES", 12)
    context = lay(files)
    assert len(context.entries()) <= 12
    assert "more than 12" in context.truncated_because
    monkeypatch.setattr(listing, "MAX_ENTRIES", 100)
    monkeypatch.setattr(listing, "MAX_DEPTH", 3)
    context = lay({"a/b/c": "", "a/b/d/e/f": ""})
    assert context.truncated
    assert context.entry("a/b/c") is not None
    assert context.entry("a/b/d/e/f") is None


def test_large_files_are_listed_but_not_read(lay: Lay) -> None:
    context = lay({"big": b"x" * (listing.MAX_READ + 1), "fits": b"x" * listing.MAX_READ})
    assert context.read("big") is None
    assert context.read("fits") is not None
    assert not context.truncated


def test_long_paths(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["n" * 200] * 12)
    deep.mkdir(parents=True)
    assert open_context(str(tmp_path)).truncated


def test_nothing_is_listed_before_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = on_disk(tmp_path, {"a/b/c": "", "d/e/f": "", ".dockerignore": "x"}, {}, None)
    listed: list[str] = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (listed.append(os.path.relpath(path, tmp_path)), real(path))[1])
    assert listed == []
    context.entry("a/b")
    assert listed == [".", "a"]
    context.entry("a/b/c")
    context.entry("a/none")
    assert listed == [".", "a", "a/b"]


def test_ignored_folders_are_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files: dict[str, bytes | str] = {
        ".dockerignore": "big\nx\n!x/y/*.z\n!keep/*.md",
        "big/a/b": "",
        "x/y/a.z": "",
        "x/n/b": "",
    }
    context = on_disk(tmp_path, files, {}, None)
    listed: list[str] = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (listed.append(os.path.relpath(path, tmp_path)), real(path))[1])
    assert paths(context) == [".dockerignore", "x", "x/y", "x/y/a.z"]
    assert sorted(listed) == [".", "x", "x/y"]


def test_memory_holds_what_it_was_given() -> None:
    context = MemoryContext({"a/b": "x"}, folders=["empty"], modes={"a/b": 0o755}, truncated=True)
    assert paths(context) == ["a", "a/b", "empty"]
    entry = context.entry("a/b")
    assert entry is not None
    assert entry.mode == 0o755
    assert context.truncated
    for path in ("../a", "/a", ""):
        with pytest.raises(ValueError, match="no path inside"):
            MemoryContext({path: ""})


NAMES = st.sampled_from(["a", "b", "c.py", "d"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PATTERNS = st.tuples(
    st.sampled_from(["", "", "!"]),
    st.lists(st.sampled_from(["a", "b", "d", "*", "**", "*.py", "c.py"]), min_size=1, max_size=3).map("/".join),
).map("".join)


@given(st.sets(PATHS, max_size=10), st.lists(PATTERNS, max_size=4))
@settings(max_examples=300, deadline=None)
def test_what_is_sent_is_what_the_matcher_leaves(wanted: set[str], patterns: list[str]) -> None:
    files = {path: "" for path in wanted if not any(other.startswith(f"{path}/") for other in wanted)}
    context = MemoryContext({**files, ".dockerignore": "\n".join(patterns)})
    matcher = Matcher(patterns)
    sent = {one.path for one in context.entries() if one.kind is Kind.FILE} - {".dockerignore"}
    if not any(pattern.endswith("/*/**") for pattern in patterns):
        assert sent == {path for path in files if not matcher.matches(path)}
    for entry in context.entries():
        assert context.entry(entry.path) == entry
        assert entry in context.children(entry.path.rpartition("/")[0])
    kept_out = [one.path for one in context.ignored()]
    for path in set(files) - sent:
        assert any(path == one or path.startswith(f"{one}/") for one in kept_out)


def test_sizes() -> None:
    context = MemoryContext(
        {
            "README.MD": "12",
            "src/a.py": "123",
            "src/b/c.py": "4",
            "data/x.tar.gz": "1" * 9,
            ".env": "",
            "Makefile": "1",
        },
        links={"src/l": "a.py"},
    )
    entries = context.entries()
    assert sizes.total(entries) == sizes.Total(7, 16)
    assert list(sizes.by_folder(entries).items()) == [("data", (1, 9)), ("src", (3, 4)), ("", (3, 3))]
    assert list(sizes.by_type(entries).items()) == [("gz", (1, 9)), ("py", (2, 4)), ("md", (1, 2)), ("", (3, 1))]
    matched = sizes.matched_by_each(entries, ["src", "**/*.py", "data", "**/b", "*.MD"])
    assert {
        pattern: [one.path for one in found if one.kind is not Kind.FOLDER] for pattern, found in matched.items()
    } == {
        "src": ["src/a.py", "src/b/c.py", "src/l"],
        "**/*.py": ["src/a.py", "src/b/c.py"],
        "data": ["data/x.tar.gz"],
        "**/b": ["src/b/c.py"],
        "*.MD": ["README.MD"],
    }
    for pattern in ("!src", ""):
        with pytest.raises(ValueError):
            sizes.matched_by_each(entries, [pattern])


def test_the_library_opens_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import slimify.rewrite.pipeline as pipeline

    seen: list[BuildContext | None] = []
    real = pipeline.fix

    def fix(source: object, options: object, context: BuildContext | None) -> object:
        seen.append(context)
        return real(source, options, context)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "fix", fix)
    monkeypatch.chdir(tmp_path)
    on_disk(tmp_path, {"app/Dockerfile": "", "app/Dockerfile.dockerignore": "a", "app/a": "", "app/b": ""}, {}, None)
    text = "FROM scratch\n"
    memory = MemoryContext({})
    slimify.fix(text)
    slimify.fix(text, context=memory)
    assert seen == [None, memory]
    for path in ("app/Dockerfile", "Dockerfile"):
        slimify.fix(text, path=path, context="app")
        context = seen[-1]
        assert isinstance(context, Tree)
        assert context.root == "app"
        assert context.entry("a") is None
        assert context.entry("b") is not None
    slimify.fix(text, context="nowhere")
    assert seen[-1] is not None
    assert seen[-1].truncated


def test_loading_it_needs_nothing_dear() -> None:
    import subprocess

    code = "import slimify.context.tree, sys; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {"libcst", "tomllib", "gzip", "json.tool", "pathspec", "inspect", "tree_sitter"}
