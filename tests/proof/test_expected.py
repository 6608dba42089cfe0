"""What a rewrite leaves out on purpose, as the comparison is told."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from slimify.proof.archive import read_archive
from slimify.proof.contents import look
from slimify.proof.expected import Expected, Side, _emptied, expected
from slimify.proof.image import Image
from slimify.proof.waste import account

from .archives import docker_save, layer

BEFORE = """FROM ubuntu:22.04
COPY main.cpp .
RUN g++ main.cpp -o app
CMD ["./app"]
"""
AFTER = """FROM ubuntu:22.04 AS build
COPY main.cpp .
RUN g++ main.cpp -o app
FROM ubuntu:22.04
COPY --from=build /app /app
CMD ["./app"]
"""


def image(*layers: tuple[str, dict[str, str]]) -> Image:
    made_by = [by for by, _ in layers]
    return read_archive(io.BytesIO(docker_save([layer(files) for _, files in layers], made_by)), "x")


def told(before: str, after: str, old: Image, new: Image, folder: Path) -> Expected:
    sides = [Side(str(folder / "Dockerfile"), text, str(folder), None, {}) for text in (before, after)]
    return expected(sides[0], sides[1], old, new)


def test_what_is_copied_no_more_and_what_the_build_left(tmp_path: Path) -> None:
    (tmp_path / "main.cpp").write_text("")
    old = image(
        ("ADD rootfs.tar /", {"bin/sh": ""}),
        ("COPY main.cpp . # buildkit", {"main.cpp": ""}),
        ("RUN /bin/sh -c g++ main.cpp -o app # buildkit", {"app": "x", "main.o": ""}),
    )
    new = image(("ADD rootfs.tar /", {"bin/sh": ""}), ("COPY /app /app # buildkit", {"app": "x"}))
    found = told(BEFORE, AFTER, old, new, tmp_path)
    assert found.behind >= {"main.cpp", "main.o"}
    assert "bin/sh" not in found.behind
    assert found.placed == {"main.cpp"}
    assert not found.ignored


def test_what_is_ignored_now(tmp_path: Path) -> None:
    before = "FROM ubuntu:22.04\nWORKDIR /app\nCOPY . .\n"
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md").write_text("")
    (tmp_path / "main.py").write_text("")
    one = image(("ADD rootfs.tar /", {"bin/sh": ""}), ("COPY . .", {"app/main.py": "", "app/notes/a.md": ""}))
    sides = []
    for number, ignored in enumerate(("", "notes\n")):
        path = tmp_path / f"{number}.Dockerfile"
        path.write_text(before)
        Path(f"{path}.dockerignore").write_text(ignored)
        sides.append(Side(str(path), before, str(tmp_path), None, {}))
    found = expected(sides[0], sides[1], one, one)
    assert {"app/notes/a.md", "app/notes"} <= found.ignored
    assert "app/main.py" not in found.ignored | found.behind
    assert {"app/main.py", "app/notes/a.md"} <= found.placed


def test_what_is_merely_copied_no_more_is_not_expected(tmp_path: Path) -> None:
    for name in ("main.py", "other.py"):
        (tmp_path / name).write_text("")
    before, after = "FROM ubuntu:22.04\nCOPY main.py other.py /app/\n", "FROM ubuntu:22.04\nCOPY main.py /app/\n"
    one = image(("ADD rootfs.tar /", {"bin/sh": ""}), ("COPY", {"app/main.py": "", "app/other.py": ""}))
    found = told(before, after, one, one, tmp_path)
    assert not found.ignored
    assert not found.behind
    assert {"app/main.py", "app/other.py"} <= found.placed


def test_what_comes_from_another_stage_is_placed_too(tmp_path: Path) -> None:
    before = "FROM ubuntu:22.04 AS b\nRUN make\nFROM nginx:1.27\nCOPY --from=b /out /usr/share/nginx/html\n"
    history = (
        ("ADD rootfs.tar /", {"usr/bin/x": ""}),
        ("COPY /out /usr/share/nginx/html # buildkit", {"usr/share/nginx/html/i": ""}),
    )
    found = told(before, before, image(*history), image(*history), tmp_path)
    assert found.placed == {"usr/share/nginx/html/i"}


def test_the_same_dockerfile_leaves_nothing_out(tmp_path: Path) -> None:
    (tmp_path / "main.cpp").write_text("")
    old = image(("ADD rootfs.tar /", {"bin/sh": ""}), ("RUN /bin/sh -c make # buildkit", {"app": "x"}))
    found = told(BEFORE, BEFORE, old, old, tmp_path)
    assert not found.ignored
    assert not found.behind
    assert not found.variables


def test_variables_of_their_own_do_not_go_with_the_base(tmp_path: Path) -> None:
    before = "FROM golang:1.22\nENV GOPATH=/x PATH=/venv/bin:/usr/bin\n"
    after = "FROM golang:1.22 AS b\nFROM debian:bookworm-slim AS c\nENV A=b\nFROM c\nENV PATH=/usr/bin:/venv/bin:/new\n"
    one = image(("ADD rootfs.tar /", {"bin/sh": ""}))
    found = told(before, after, one, one, tmp_path)
    assert found.variables == {"GOPATH", "PATH", "A"}
    assert found.path == {"/venv/bin", "/usr/bin"}
    assert found.added == {"/new"}
    assert found.rebased
    assert not told(
        before, before.replace("FROM", "FROM golang:1.22 AS b\nFROM b\nRUN x\nFROM"), one, one, tmp_path
    ).rebased


def test_the_files_of_the_base(tmp_path: Path) -> None:
    before = "FROM golang:1.22\nWORKDIR /go/src/x\nRUN echo >> /root/.profile\n"
    old = image(
        ("ADD rootfs.tar /", {"go/": "", "root/.profile": "", "root/.bashrc": "", "srv/": ""}),
        ("WORKDIR /go/src/x", {"go/": "", "go/src/": "", "go/src/x/": ""}),
        ("RUN /bin/sh -c echo >> /root/.profile # buildkit", {"root/.profile": "\n"}),
    )
    assert told(before, before, old, old, tmp_path).base == {"go", "root/.bashrc", "srv"}


def test_a_folder_goes_with_the_last_of_its_files() -> None:
    files = {"app/src/a/one.c": "1", "app/src/two.c": "2", "app/bin/run": "3"}
    made = account(read_archive(io.BytesIO(docker_save([layer(files)], [""])), "x", look)).seen
    assert _emptied(made, {"app/src/a/one.c", "app/src/two.c"}) == {"app/src", "app/src/a"}
    assert _emptied(made, {"app/src/a/one.c"}) == {"app/src/a"}
    assert _emptied(made, set()) == set()


@pytest.mark.parametrize(
    ("line", "names"),
    [("LABEL a=1 'b c'=2", {"a", "b c"}), ("LABEL a b", {"a"}), ("RUN x", set()), ("ARG X\nLABEL $X=1", None)],
)
def test_labels_of_their_own(tmp_path: Path, line: str, names: set[str] | None) -> None:
    one = image(("ADD rootfs.tar /", {"bin/sh": ""}))
    before = f"FROM ubuntu:22.04\n{line}\n"
    assert told(before, before, one, one, tmp_path).labels == names
