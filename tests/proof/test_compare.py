"""What is called a difference between two images, and what is not."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import pytest

from slimify.proof.archive import read_archive
from slimify.proof.compare import LANGUAGES, Comparison, compare, without_unsteady
from slimify.proof.contents import look
from slimify.proof.filesystem import Filesystem
from slimify.proof.image import Image

from .archives import docker_save, layer, link, loader_cache

SHELL = Path("/bin/sh").resolve().read_bytes()


def image(*layers: bytes) -> Image:
    return read_archive(io.BytesIO(docker_save(list(layers), [""] * len(layers))), "x", look)


def compared(
    before: Mapping[str, str | bytes],
    after: Mapping[str, str | bytes],
    configs: tuple[Mapping[str, object], Mapping[str, object]] = ({}, {}),
    **options: object,
) -> Comparison:
    old, new = Filesystem(image(layer(before))), Filesystem(image(layer(after)))
    return compare(old, new, configs, **options)  # type: ignore[arg-type]


def whats(comparison: Comparison) -> list[str]:
    return [one.what for one in comparison.differences]


APP: dict[str, str | bytes] = {"app/main.py": "print(1)\n", "app/data/x": "1", "etc/passwd": "root\n"}


def test_the_same() -> None:
    found = compared(APP, {**APP, "etc/passwd": "root\napp\n"})
    assert not found.differences
    assert not found.gone


def test_a_file_that_is_missing() -> None:
    found = compared(APP, {"app/main.py": "print(1)\n"})
    assert whats(found) == ["/app/data/x"]
    assert not compared(APP, {"app/main.py": "print(1)\n"}, expected=lambda path: path == "app/data/x").differences


def test_a_file_with_other_content() -> None:
    assert whats(compared(APP, {**APP, "app/main.py": "print(2)\n"})) == ["/app/main.py"]


def test_a_file_of_another_owner_or_mode() -> None:
    old, new = Filesystem(image(layer(APP))), Filesystem(image(layer(APP, mode=0o600)))
    assert "/app/main.py" in whats(compare(old, new, ({}, {})))
    new = Filesystem(image(layer(APP, uid=1000)))
    assert "/app/main.py" in whats(compare(old, new, ({}, {})))


def test_a_hard_link_is_the_file_that_it_links() -> None:
    old = Filesystem(image(layer({"app/a": "1", "app/b": "1"})))
    new = Filesystem(image(layer({"app/a": "1"}, link("app/b", "app/a", True))))
    assert not compare(old, new, ({}, {})).differences


def test_a_hard_link_keeps_its_content_when_what_it_links_goes() -> None:
    def linked(content: str, above: Mapping[str, str | bytes]) -> Filesystem:
        return Filesystem(image(layer({"app/a": content}, link("app/b", "app/a", True)), layer(above)))

    removed = {"app/.wh.a": ""}
    assert whats(compare(linked("1", removed), linked("2", removed), ({}, {}))) == ["/app/b"]
    plain = Filesystem(image(layer({"app/a": "new", "app/b": "1"})))
    assert not compare(linked("1", {"app/a": "new"}), plain, ({}, {})).differences


@pytest.mark.parametrize(
    "path",
    ["app/__pycache__/main.cpython-311.pyc", "tmp/x", "root/.cache/pip/x", "var/log/dpkg.log", "usr/share/doc/x/y"],
)
def test_what_may_go(path: str) -> None:
    assert not compared({**APP, path: "1"}, APP).differences


def test_what_is_gone_is_said_by_kind() -> None:
    found = compared({**APP, "usr/include/stdio.h": "1234", "var/lib/dpkg/info/gcc.list": ""}, APP)
    assert [(kind.title, size) for kind, size in found.gone] == [("headers", 4)]
    assert found.system == ("gcc",)


def test_python_packages_may_move_but_not_change() -> None:
    old = {"usr/local/lib/python3.11/site-packages/Flask-3.0.3.dist-info/METADATA": "", "a/b": ""}
    moved = {"opt/venv/lib/python3.11/site-packages/flask-3.0.3.dist-info/METADATA": "", "a/b": ""}
    assert not compared(old, moved).differences
    other = {path.replace("3.0.3", "3.0.4"): text for path, text in moved.items()}
    assert whats(compared(old, other)) == ["Python package flask"]
    assert whats(compared(old, {"a/b": ""})) == ["Python package flask"]
    assert not compared(old, {"a/b": ""}, packages_may_go=LANGUAGES).differences


def test_node_packages() -> None:
    old = {
        "app/node_modules/a/package.json": '{"version": "1"}',
        "app/node_modules/@s/b/package.json": "{}",
        "app/x": "",
    }
    assert whats(compared(old, {"app/x": ""})) == [
        "Node package @s/b in /app/node_modules",
        "Node package a in /app/node_modules",
    ]
    assert not compared(old, {"app/x": ""}, packages_may_go=LANGUAGES).differences
    other = {**old, "app/node_modules/a/package.json": '{"version": "2"}'}
    assert whats(compared(old, other, packages_may_go=LANGUAGES)) == ["Node package a in /app/node_modules"]


def test_packages_that_node_brings_go_with_it() -> None:
    for manager in ("npm", "corepack"):
        old = {f"usr/local/lib/node_modules/{manager}/node_modules/a/package.json": "{}", "app/x": ""}
        assert not compared(old, {"app/x": ""}).differences
    old = {"usr/local/lib/node_modules/pm2/package.json": "{}", "app/x": ""}
    assert whats(compared(old, {"app/x": ""})) == ["Node package pm2 in /usr/local/lib/node_modules"]
    old = {"usr/src/app/node_modules/a/package.json": "{}", "app/x": ""}
    assert whats(compared(old, {"app/x": ""})) == ["Node package a in /usr/src/app/node_modules"]


def test_packages_in_a_cache_are_not_installed() -> None:
    old = {"usr/local/share/.cache/yarn/v6/npm-a-1-x-integrity/node_modules/a/package.json": "{}", "app/x": ""}
    assert not compared(old, {"app/x": ""}).differences


def test_a_package_that_is_there_twice() -> None:
    here, there = "app/venv/lib/python3.11/site-packages", "usr/local/lib/python3.11/site-packages"
    both = {f"{place}/six-1.17.0.dist-info/METADATA": "" for place in (here, there)}
    one = {f"{there}/six-1.17.0.dist-info/METADATA": ""}
    assert whats(compared(both, one)) == ["Python package six"]
    # What apt brought is a package of the distribution.
    apt = {"usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA": ""}
    assert not compared({**one, **apt}, one).differences
    assert whats(compared({**one, **apt}, apt)) == ["Python package six"]


def test_a_package_as_old_installers_write_it_down() -> None:
    old = {"usr/local/lib/python3.11/site-packages/psycopg2-2.9.9.dist-info/METADATA": "", "a/b": ""}
    new = {"venv/lib/python3.11/site-packages/psycopg2-2.9.9-py3.11.egg-info/PKG-INFO": "", "a/b": ""}
    assert not compared(old, new).differences


def test_what_installs_packages_may_stay_in_the_build_stage() -> None:
    folder = "usr/local/lib/python3.11/site-packages"
    names = ("uv-0.13.9", "flask-3.0.3", "pipenv-1", "distlib-1")
    old = {f"{folder}/{name}.dist-info/METADATA": "" for name in names}
    new = {"opt/venv/lib/python3.11/site-packages/flask-3.0.3.dist-info/METADATA": ""}
    assert whats(compared(old, new)) == ["Python package distlib", "Python package pipenv", "Python package uv"]
    found = compared(old, new, split=True)
    assert not found.differences
    assert f"{folder}/distlib-1.dist-info/METADATA" in found.left_out
    alone = {path: "" for path in old if "pipenv" not in path}
    assert whats(compared(alone, new, split=True)) == ["Python package distlib"]
    assert whats(compared(old, {**alone}, split=True)) == []
    assert whats(compared(old, {path: "" for path in old if "flask" not in path}, split=True)) == [
        "Python package flask"
    ]


@pytest.mark.parametrize(
    "path",
    ["var/www/html/admin.php", "usr/share/nginx/html/index.html", "etc/nginx/conf.d/app.conf", "usr/bin/entry.sh",
     "usr/local/share/data", "opt/plugins/x.so", "usr/lib/own.h"],
)  # fmt: skip
def test_what_is_copied_belongs_to_the_application_wherever_it_lies(path: str) -> None:
    placed = frozenset([path])
    assert whats(compared({path: "1"}, {"app/x": ""}, placed=placed)) == [f"/{path}"]
    assert whats(compared({path: "1"}, {path: "2"}, placed=placed)) == [f"/{path}"]
    assert not compared({path: "1"}, {path: "1"}, placed=placed).differences
    if not path.startswith("opt/"):
        assert not compared({path: "1"}, {"app/x": ""}).differences, "one of the distribution's"


def test_files_of_the_base_go_with_it() -> None:
    old = {"srv/": "", "root/.bashrc": "1", "app/x": ""}
    assert whats(compared(old, {"app/x": ""})) == ["/root/.bashrc", "/srv"]
    assert not compared(old, {"app/x": ""}, base=frozenset(["srv", "root/.bashrc"])).differences


@pytest.mark.parametrize(
    ("config", "gone"),
    [
        ({"Cmd": ["tool", "x"], "Env": ["PATH=/opt/bin:/bin"]}, True),
        ({"Entrypoint": ["/opt/bin/tool"], "Cmd": ["x"]}, True),
        ({"Cmd": ["bin/tool"], "WorkingDir": "/opt"}, True),
        ({"Cmd": ["nowhere"]}, False),
        ({}, False),
    ],
)
def test_the_program_that_it_starts(config: dict[str, object], gone: bool) -> None:
    found = compared({"opt/bin/tool": "#!"}, {"a/b": ""}, (config, config), expected=lambda _: True)
    assert whats(found) == (["the program that it starts"] if gone else [])


CONFIG = {
    "Env": ["PATH=/usr/bin", "A=b"],
    "Cmd": ["x"],
    "User": "",
    "WorkingDir": "/app",
    "ExposedPorts": {"80/tcp": {}},
}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"Cmd": ["y"]}, ["Cmd"]),
        ({"User": "app"}, ["User"]),
        ({"WorkingDir": "/"}, ["WorkingDir"]),
        ({"ExposedPorts": {}}, ["ExposedPorts"]),
        ({"Entrypoint": ["e"]}, ["Entrypoint"]),
        ({"Labels": {"a": "b"}}, ["Labels"]),
        ({"OnBuild": ["RUN x"]}, ["OnBuild"]),
        ({"Env": ["PATH=/usr/bin", "A=c"]}, ["ENV A"]),
        ({"Env": ["PATH=/usr/bin"]}, ["ENV A"]),
        ({"Env": ["PATH=/opt/venv/bin:/usr/bin", "A=b"]}, []),
        ({"Env": ["PATH=/elsewhere:/usr/bin", "A=b"]}, ["ENV PATH"]),
        ({"User": None, "Labels": {}}, []),
    ],
)
def test_settings(change: dict[str, object], what: list[str]) -> None:
    assert whats(compared({}, {}, (CONFIG, {**CONFIG, **change}), expected_path=frozenset(["/opt/venv/bin"]))) == what


def needs() -> tuple[str, str]:
    """The first library that the shell needs, and its loader."""
    content = Filesystem(image(layer({"opt/tool": SHELL}))).files["opt/tool"].content
    assert content is not None
    assert content.linkage is not None
    return content.linkage.needed[0], content.linkage.interpreter.lstrip("/")


def told(libraries: Mapping[str, str]) -> dict[str, str | bytes]:
    return {"etc/ld.so.cache": loader_cache(libraries)}


def test_a_library_that_is_missing() -> None:
    library, loader = needs()
    old, new = {"opt/tool": SHELL, f"usr/lib/{library}": "", loader: ""}, {"opt/tool": SHELL, loader: ""}
    assert f"/opt/tool needs {library}" in whats(compared(old, new))
    assert not compared(new, new).differences, "what was missing before is nobody's fault"
    assert not compared(old, new, base_layers=1).libraries
    assert f"/opt/tool needs /{loader}" in whats(compared(old, {"opt/tool": SHELL, f"usr/lib/{library}": ""}))


def test_libraries_are_found_through_links_and_where_the_loader_is_told() -> None:
    name, loader = needs()
    linked = layer(
        {"opt/tool": SHELL, f"usr/lib/real/{name}.1": "", loader: "", **told({name: f"/opt/lib/{name}"})},
        link(f"opt/lib/{name}", f"../../usr/lib/real/{name}.1"),
    )
    assert not Filesystem(image(linked)).missing_libraries()
    dangling = layer({"opt/tool": SHELL, loader: ""}, link(f"usr/lib/{name}", "nowhere"))
    assert Filesystem(image(dangling)).missing_libraries() == {"opt/tool": (name,)}
    circle = layer({"opt/tool": SHELL, loader: ""}, link(f"usr/lib/{name}", name))
    assert Filesystem(image(circle)).missing_libraries() == {"opt/tool": (name,)}


def test_a_damaged_program_is_no_program() -> None:
    assert Filesystem(image(layer({"opt/tool": SHELL[:4000], "opt/other": b"\x7fELF"}))).missing_libraries() == {}


def test_packages_of_the_distribution_by_name() -> None:
    old = {"var/lib/dpkg/info/gcc.list": "", "var/lib/dpkg/info/libc6:amd64.list": "", "app/x": ""}
    new = {"var/lib/dpkg/status.d/libc6": "", "var/lib/dpkg/status.d/libc6.md5sums": "", "app/x": ""}
    assert compared(old, new).system == ("gcc",)
    assert compared(new, old).system == ("+gcc",)


def test_what_differs_from_build_to_build() -> None:
    found = compared(APP, {"app/main.py": "print(2)\n", "app/log-2": "", "etc/passwd": "root\n", "app/data/x": "1"})
    again = compared(APP, {**APP, "app/main.py": "print(3)\n"})
    assert whats(without_unsteady(found, again.files)) == []
    assert without_unsteady(found, again.files).unsteady == ("/app/main.py",)
    assert whats(without_unsteady(found, ())) == ["/app/main.py"]


def test_a_missing_file_is_not_excused_by_one_that_only_changes() -> None:
    found = compared(APP, {"app/data/x": "1", "etc/passwd": "root\n"})
    again = compared(APP, {**APP, "app/main.py": "print(3)\n"})
    assert whats(without_unsteady(found, again.files)) == ["/app/main.py"]
