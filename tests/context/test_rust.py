from __future__ import annotations

import pytest

from slimify.context.found import Unknown
from slimify.context.rust import Manifest, linked, read_manifest, read_sources
from tests.context.memory import Files, context

CARGO = """[package]
name = "app"
rust-version = "1.70"

[[bin]]
name = "tool"
path = "tools/main.rs"

[features]
default = ["tls"]

[dependencies]
serde = "1"
openssl = { version = "0.10", features = ["vendored"] }
inner = { path = "crates/inner" }

[target.'cfg(unix)'.dependencies]
nix = { version = "0.27", optional = true }

[build-dependencies]
cc = "1"

[workspace]
members = ["crates/*"]
exclude = ["crates/old"]
"""


def test_manifest() -> None:
    files = dict.fromkeys(("src/main.rs", "src/bin/a.rs", "src/bin/b/main.rs", "src/bin/c/lib.rs", "build.rs"), "")
    files |= {
        "Cargo.toml": CARGO,
        "crates/inner/Cargo.toml": "",
        "crates/old/Cargo.toml": "",
        "crates/x/y/Cargo.toml": "",
    }
    found = read_manifest(context(**files))
    assert isinstance(found, Manifest)
    assert found.bins == (
        ("tool", "tools/main.rs"),
        ("app", "src/main.rs"),
        ("a", "src/bin/a.rs"),
        ("b", "src/bin/b/main.rs"),
    )
    assert (found.build_script, found.members, found.rust_version) == ("build.rs", ("crates/inner",), "1.70")
    assert {one.name: (one.kind, one.folder, one.optional) for one in found.dependencies} == {
        "serde": ("dependencies", None, False),
        "openssl": ("dependencies", None, False),
        "inner": ("dependencies", "crates/inner", False),
        "nix": ("dependencies", None, True),
        "cc": ("build-dependencies", None, False),
    }
    assert found.dependencies[0].place.line == 13 and found.unknown == ()


@pytest.mark.parametrize("line", ['x = { path = "../out" }', 'y = "1"\n[workspace]\nmembers = ["gone"]'])
def test_what_is_not_in_the_context_is_said(line: str) -> None:
    found = read_manifest(Files({"Cargo.toml": f'[package]\nname = "a"\n[dependencies]\n{line}\n'}))
    assert isinstance(found, Manifest) and found.unknown


@pytest.mark.parametrize("text", ["[", "a = ", b"\0", "a = " + "[" * 50_000, "x" * 600_000, "a = 1\na = 2"])
def test_what_is_no_manifest(text: str | bytes) -> None:
    assert isinstance(read_manifest(Files({"Cargo.toml": text})), Unknown)
    assert isinstance(linked(Files({"Cargo.lock": text})), Unknown)
    assert read_manifest(context()) is None and linked(context()) is None


def lock(*names: str) -> str:
    return "version = 3\n" + "".join(f'[[package]]\nname = "{name}"\nversion = "1.0.0"\n' for name in names)


@pytest.mark.parametrize(
    ("names", "features", "expected"),
    [
        (["openssl-sys", "serde"], "", [("openssl-sys", "ssl", "system")]),
        (["openssl-sys", "openssl-src"], "", [("openssl-sys", "ssl", "bundled")]),
        (["openssl-sys"], 'openssl = { version = "1", features = ["vendored"] }', [("openssl-sys", "ssl", "bundled")]),
        (
            ["libsqlite3-sys"],
            'rusqlite = { version = "1", features = ["bundled"] }',
            [("libsqlite3-sys", "sqlite3", "bundled")],
        ),
        (["libsqlite3-sys"], 'rusqlite = "1"', [("libsqlite3-sys", "sqlite3", "system")]),
        (["unheard-of-sys"], "", [("unheard-of-sys", "", "either")]),
        (["rustls", "sys-info"], "", []),
    ],
)
def test_linked_libraries(names: list[str], features: str, expected: list[tuple[str, str, str]]) -> None:
    manifest = f'[package]\nname = "a"\n[dependencies]\n{features}\n'
    found = linked(context(**{"Cargo.lock": lock(*names), "Cargo.toml": manifest}))
    assert isinstance(found, tuple)
    assert [(one.crate, one.library, one.how) for one in found] == expected


def test_included_files_and_programs() -> None:
    text = """// include_str!("no")
const A: &str = include_str!("../data/a.txt");
static B: &[u8] = include_bytes!(r#"b.bin"#);
const C: &str = "include_str!(\\"no\\")"; const L: &'static str = "x";
fn f() { Command::new("/usr/bin/git").arg("x"); std::process::Command::new("ffmpeg"); }
/* Command::new("no") */
"""
    found = read_sources(context(**{"src/main.rs": text, "target/x.rs": 'include_str!("no");', "a.txt": "x"}))
    assert [(one.path, one.place.line) for one in found.included] == [("data/a.txt", 2), ("src/b.bin", 3)]
    assert [one.name for one in found.programs] == ["git", "ffmpeg"]
    assert found.unknown == ()


@pytest.mark.parametrize(
    "text", ['include!(concat!(env!("OUT_DIR"), "/x.rs"));', "Command::new(name)", 'include_str!("../../x")', "\0"]
)
def test_what_is_computed_is_said(text: str) -> None:
    assert read_sources(Files({"src/a.rs": text})).unknown


@pytest.mark.parametrize("text", ['"' * 20_001, "/*" * 50_000, 'r#"' * 5_000, "include_str!(" * 5_000, "'" * 20_000])
def test_hostile_sources_end(text: str) -> None:
    read_sources(Files({"a.rs": text}))
