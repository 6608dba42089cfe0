"""What a command runs, seen through what people wrap around it."""

from __future__ import annotations

import pytest

from slimify.semantics.commands import Invocation, invocations, resolve, verb
from slimify.syntax.shell import parse_script

VARIABLES = {"P": "pip", "EMPTY": "", "TWO": "a b", "GLOB": "*.c", "SECRET": None, "V": "1.2"}


def run(text: str) -> tuple[Invocation, ...]:
    script = parse_script(text)
    assert not script.opaque, script.opaque
    return tuple(one for command in script.commands() for one in invocations(command, VARIABLES))


# Command, program, its arguments, the wrappers.
SEEN_THROUGH: dict[str, tuple[str | None, list[str | None], list[str]]] = {
    "apt-get install -y a": ("apt-get", ["install", "-y", "a"], []),
    "/usr/bin/apt-get update": ("apt-get", ["update"], []),
    "sudo apt-get update": ("apt-get", ["update"], ["sudo"]),
    "sudo -E -u root -H apt-get update": ("apt-get", ["update"], ["sudo"]),
    "sudo -- apt-get update": ("apt-get", ["update"], ["sudo"]),
    "sudo A=1 apt-get update": ("apt-get", ["update"], ["sudo"]),
    "env X=y apt-get update": ("apt-get", ["update"], ["env"]),
    "env -i -u A X=y apt-get update": ("apt-get", ["update"], ["env"]),
    "sudo -E env X=1 nice -n 5 apt-get update": ("apt-get", ["update"], ["sudo", "env", "nice"]),
    "nice apt-get update": ("apt-get", ["update"], ["nice"]),
    "nice -n 10 apt-get update": ("apt-get", ["update"], ["nice"]),
    "ionice -c 3 apt-get update": ("apt-get", ["update"], ["ionice"]),
    "command apt-get update": ("apt-get", ["update"], ["command"]),
    "command -v apt-get": ("command", ["-v", "apt-get"], []),
    "exec apt-get update": ("apt-get", ["update"], ["exec"]),
    "nohup apt-get update": ("apt-get", ["update"], ["nohup"]),
    "timeout 5m apt-get update": ("apt-get", ["update"], ["timeout"]),
    "timeout -s KILL -k 5 60 apt-get update": ("apt-get", ["update"], ["timeout"]),
    "gosu app pip install x": ("pip", ["install", "x"], ["gosu"]),
    "su-exec app:app pip install x": ("pip", ["install", "x"], ["su-exec"]),
    "doas -u a pip install x": ("pip", ["install", "x"], ["doas"]),
    "xargs apt-get install -y": ("apt-get", ["install", "-y"], ["xargs"]),
    "xargs -n 1 -P 4 apt-get install": ("apt-get", ["install"], ["xargs"]),
    "stdbuf -o L pip install x": ("pip", ["install", "x"], ["stdbuf"]),
    "A=1 B=2 apt-get update": ("apt-get", ["update"], []),
    "python -m pip install x": ("pip", ["install", "x"], []),
    "python3.11 -m pip install x": ("pip", ["install", "x"], []),
    "/opt/venv/bin/python -u -m pip install x": ("pip", ["install", "x"], []),
    "python setup.py install": ("python", ["setup.py", "install"], []),
    "python x.py -m pip": ("python", ["x.py", "-m", "pip"], []),
    "php composer.phar install": ("composer", ["install"], []),
    "sh -c 'apt-get update'": ("apt-get", ["update"], ["sh"]),
    'bash -lc "apt-get update"': ("apt-get", ["update"], ["bash"]),
    "su - app -c 'pip install x'": ("pip", ["install", "x"], ["su"]),
    "sudo sh -c 'apt-get update'": ("apt-get", ["update"], ["sudo", "sh"]),
    "sh x.sh": ("sh", ["x.sh"], []),
    'sh -c "$SECRET"': ("sh", ["-c", None], []),
    "$P install x": ("pip", ["install", "x"], []),
    "${P} install x==$V": ("pip", ["install", "x==1.2"], []),
    '"$P" install "x==${V}"': ("pip", ["install", "x==1.2"], []),
    "pip install $TWO": ("pip", ["install", None], []),
    'pip install "$TWO"': ("pip", ["install", "a b"], []),
    "pip install $EMPTY x": ("pip", ["install", None, "x"], []),
    "pip install $GLOB": ("pip", ["install", None], []),
    "$SECRET install x": (None, ["install", "x"], []),
    "$UNSEEN install x": (None, ["install", "x"], []),
    "sudo $SECRET install x": (None, ["install", "x"], ["sudo"]),
    "pip install $(cat x)": ("pip", ["install", None], []),
    "pip install 'a b' c\\ d": ("pip", ["install", "a b", "c d"], []),
    "sudo": ("sudo", [], []),
    "env": ("env", [], []),
}


@pytest.mark.parametrize("text", SEEN_THROUGH)
def test_seen_through(text: str) -> None:
    found = run(text)[-1]
    assert (found.program, [*found.argv], [*found.wrappers]) == SEEN_THROUGH[text]


def test_a_script_in_a_string() -> None:
    found = run("sudo -E sh -c 'cd /x && A=1 make install; pip install y'")
    assert [(one.program, one.nested) for one in found] == [("cd", True), ("make", True), ("pip", True)]
    assert all(one.wrappers == ("sudo", "sh") for one in found)
    assert "A" in found[1].assignments
    assert not run("pip install y")[0].nested


def test_a_script_that_cannot_be_read_is_no_invocation_of_its_commands() -> None:
    (found,) = run("sh -c 'if a; then'")
    assert found.program == "sh"


def test_assignments() -> None:
    (found,) = run("A=1 env B=2 sudo C=3 pip install x")
    assert found.assignments == ("A", "B", "C")
    assert run("A=1") == ()


def test_words_lead_back_into_the_script() -> None:
    text = "sudo python3 -m pip install  flask"
    (found,) = run(text)
    assert [text[word.start : word.end] for word in found.typed] == ["python3", "-m", "pip"]
    assert [text[word.start : word.end] for word in found.words] == ["install", "flask"]


@pytest.mark.parametrize(
    ("text", "name", "operands", "end"),
    [
        ("apt-get install -y a b", "install", ("a", "b"), 1),
        ("apt-get -y install a", "install", ("a",), 2),
        ("apt-get -o X=y -q install a", "install", ("a",), 4),
        ("apt-get update", "update", (), 1),
        ("pip --no-cache-dir install a", "install", ("a",), 2),
        ("apk --update add a", "add", ("a",), 2),
        ("apk add --no-cache a", "add", ("a",), 1),
        ("dnf -y group install a", "group install", ("a",), 3),
        ("npm ci", "ci", (), 1),
        ("npm cache clean --force", "cache clean", (), 2),
        ("yarn", "", (), 0),
        ("pip install $SECRET", "install", (None,), 1),
    ],
)
def test_verbs(text: str, name: str, operands: tuple[str | None, ...], end: int) -> None:
    found = verb(run(text)[0])
    assert found is not None
    assert (found.name, found.operands) == (name, operands)
    assert found.end == end


def test_no_verb() -> None:
    assert verb(run("make install")[0]) is None
    assert verb(run("apt-get $SECRET a")[0]) is None


def test_options() -> None:
    (found,) = run("pip install --no-cache-dir --index-url=x -r y - $SECRET")
    assert found.has("--no-cache-dir")
    assert found.has("--index-url", "-z")
    assert not found.has("-z")
    assert found.operands == ("install", "y", "-", None)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("a", "a"),
        ("$V", "1.2"),
        ("${V}x", "1.2x"),
        ("'$V'", "$V"),
        ('"$V"', "1.2"),
        ('"${TWO}"', "a b"),
        ("$TWO", None),
        ("$SECRET", None),
        ("${V:-x}", None),
        ("${V%.*}", None),
        ("$V$SECRET", None),
        ('a"$V"', None),
        ("$(a)", None),
        ("$1", None),
        ("$V$", None),
    ],
)
def test_resolve(word: str, value: str | None) -> None:
    command = list(parse_script(f"echo {word}").commands())[-1]
    assert resolve(command.words[1], VARIABLES) == value
