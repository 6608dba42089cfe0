"""Requirements files: pip's syntax, what is included, and what is not a requirement."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimify.context.python.requirement import Origin, Requirement, normalise, parse_requirement
from slimify.context.python.requirements import Requirements, read_requirements
from tests.context.python.memory import Memory


def read(text: str | bytes, **others: str) -> Requirements:
    files: dict[str, str | bytes] = {"requirements.txt": text}
    files.update({name.replace("__", "/").replace("_txt", ".txt"): one for name, one in others.items()})
    return read_requirements(Memory(files), "requirements.txt")


def only(text: str) -> Requirement:
    found = read(text)
    assert len(found.requirements) == 1, found
    return found.requirements[0]


@pytest.mark.parametrize(
    ("text", "name", "specifier", "extras", "marker"),
    [
        ("flask", "flask", "", (), ""),
        ("Flask_Login==0.6.3", "flask-login", "==0.6.3", (), ""),
        ("uvicorn[standard]>=0.20,<1", "uvicorn", "<1,>=0.20", ("standard",), ""),
        ("a ; python_version < '3.9'", "a", "", (), 'python_version < "3.9"'),
        ("a==1  # why", "a", "==1", (), ""),
        ("a==1 \\\n  --hash=sha256:00 \\\n  --hash sha256:11", "a", "==1", (), ""),
        ("a \\\n ==2", "a", "==2", (), ""),
    ],
)
def test_from_an_index(text: str, name: str, specifier: str, extras: tuple[str, ...], marker: str) -> None:
    one = only(text)
    assert (one.name, one.specifier, one.extras, one.marker, one.origin) == (
        name, specifier, extras, marker, Origin.INDEX,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "origin", "name", "place"),
    [
        (
            "git+https://h.example/a.git@v1#egg=Some_A",
            Origin.VCS,
            "some-a",
            "git+https://h.example/a.git@v1#egg=Some_A",
        ),
        ("b @ git+ssh://git@h.example/b", Origin.VCS, "b", "git+ssh://git@h.example/b"),
        ("-e git+https://h.example/a.git", Origin.VCS, "", "git+https://h.example/a.git"),
        ("https://h.example/b_c-1.0-py3-none-any.whl", Origin.URL, "b-c", "https://h.example/b_c-1.0-py3-none-any.whl"),
        ("d @ https://h.example/d.zip", Origin.URL, "d", "https://h.example/d.zip"),
        ("./libs/x", Origin.PATH, "", "./libs/x"),
        ("-e .", Origin.EDITABLE, "", "."),
        ("--editable=./libs/x[dev]", Origin.EDITABLE, "", "./libs/x"),
        ("wheels/a-1-py3-none-any.whl", Origin.PATH, "a", "wheels/a-1-py3-none-any.whl"),
    ],
)
def test_from_elsewhere(text: str, origin: Origin, name: str, place: str) -> None:
    one = only(text)
    assert (one.origin, one.name, one.place) == (origin, name, place)


@pytest.mark.parametrize(
    "text", ["", "# flask", "   \n\n", "--pre", "-i https://h.example/simple", "--no-binary :all:", "\\\n# a\n", " # b"]
)
def test_no_requirement(text: str) -> None:
    found = read(text)
    assert found.requirements == ()
    assert found.problems == ()


@pytest.mark.parametrize(
    "text", ["a b", "==1", "a=>=1", "--what", "-r", "a; python_version", "<html>", "a==1 --hash 'x"]
)
def test_not_well_formed(text: str) -> None:
    assert read(f"{text}\nflask\n").problems
    assert "flask" in [one.name for one in read(f"{text}\nflask\n").requirements]


def test_a_hash_in_an_address_is_no_comment() -> None:
    assert only("https://h.example/a.zip#sha256=00 # why").place == "https://h.example/a.zip#sha256=00"


def test_options() -> None:
    found = read("--index-url https://a\n--extra-index https://b\n-f wheels\n--only-binary=:all:\n", wheels__a_txt="")
    assert [(one.name, one.value) for one in found.options] == [
        ("--index-url", "https://a"),
        ("--extra-index-url", "https://b"),
        ("--find-links", "wheels"),
        ("--only-binary", ":all:"),
    ]
    assert found.paths == ("wheels",)


def test_hashes() -> None:
    assert read("a==1 --hash=sha256:00").hashed
    assert read("--require-hashes\na==1").hashed
    assert not read("a==1").hashed


def test_includes_are_relative_to_the_file() -> None:
    context = Memory(
        {
            "requirements/prod.txt": "-r base.txt\n-c ../limits.txt\n-e ./lib\ngunicorn",
            "requirements/base.txt": "flask\n-r prod.txt\n",
            "limits.txt": "flask==3.0\n",
            "lib/pyproject.toml": "",
        }
    )
    found = read_requirements(context, "requirements/prod.txt", folder="")
    assert found.files == ("requirements/prod.txt", "requirements/base.txt", "limits.txt")
    assert {one.name for one in found.requirements} == {"", "flask", "gunicorn"}
    assert [one.name for one in found.constraints] == ["flask"]
    assert found.paths == ("lib",)
    assert found.missing == ()


@pytest.mark.parametrize("included", ["none.txt", "../../etc/passwd", "/etc/passwd"])
def test_what_is_not_there(included: str) -> None:
    found = read(f"-r {included}\nflask")
    assert len(found.missing) == 1
    assert [one.name for one in found.requirements] == ["flask"]


def test_include_loops() -> None:
    files = {f"r{n}.txt": f"-r r{(n + 1) % 300}.txt\na{n}" for n in range(300)}
    found = read_requirements(Memory(files), "r0.txt")
    assert len(found.files) == 200
    assert found.problems
    assert read("-r requirements.txt\na").problems == ()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_encodings(encoding: str) -> None:
    assert only_bytes("flask==1 # ü\n".encode(encoding)) == "flask"


def test_byte_order_marks() -> None:
    assert only_bytes(codecs.BOM_UTF16_BE + "flask".encode("utf-16-be")) == "flask"
    assert only_bytes("# -*- coding: latin-1 -*-\n# ü\nflask".encode("latin-1")) == "flask"
    assert only_bytes(b"# coding: rot13\nflask") == "flask"
    assert only_bytes(b"# coding: nonsense\nflask # \xff") == "flask"


def only_bytes(data: bytes) -> str:
    found = read(data)
    assert not found.problems
    return found.requirements[0].name


def test_variables() -> None:
    context = Memory({"r.txt": "a @ https://${TOKEN}@h.example/a.zip\n$b\n${c}\n"})
    assert read_requirements(context, "r.txt").problems[0].message == "depends on the variable TOKEN"
    found = read_requirements(context, "r.txt", environ={"TOKEN": "x"})
    assert found.requirements[0].place == "https://x@h.example/a.zip"
    assert len(found.requirements) == 1


def test_needs_git() -> None:
    assert read("git+https://h.example/a").needs_git
    assert not read("hg+https://h.example/a\ngitpython").needs_git


@given(st.binary(max_size=300))
def test_never_raises(data: bytes) -> None:
    read(data)


@pytest.mark.parametrize("data", [b"\0" * 5000, b"a" * 1_000_000, b"(" * 10_000, b"a\\\n" * 50_000, b"\xff\xfe\0"])
def test_hostile(data: bytes) -> None:
    assert read(data).requirements == ()


def test_deep_marker() -> None:
    assert parse_requirement("a; " + "(" * 900 + "os_name=='x'" + ")" * 900, "f") is None


@pytest.mark.parametrize(
    ("specifier", "version"),
    [
        ("==1.2", "1.2"),
        ("===1.2", "1.2"),
        ("==1.*", None),
        (">=1", None),
        ("==1,!=2", None),
        ("", None),
        ("~=1.2", None),
    ],
)
def test_version(specifier: str, version: str | None) -> None:
    assert Requirement("a", specifier).version == version


def test_normalise() -> None:
    assert normalise("Foo._-Bar") == "foo-bar"
