from __future__ import annotations

import pytest

from slimify.context.found import Unknown
from slimify.context.go import GoSources, Module, read_module, read_sources
from tests.context.memory import Files, context

MOD = """module example.com/app // why

go 1.22
toolchain go1.22.3

require example.com/one v1.0.0
require (
\tgithub.com/mattn/go-sqlite3 v1.14.0 // indirect
\tgithub.com/confluentinc/confluent-kafka-go/v2 v2.3.0
\tgithub.com/mattn/go-isatty v0.0.1
)

replace (
\texample.com/one => ./lib
\texample.com/two v1.0.0 => example.com/fork v1.0.1
)
"""


def sources(text: str, name: str = "main.go") -> GoSources:
    return read_sources(Files({name: text}))


def test_module() -> None:
    found = read_module(context(**{"go.mod": MOD, "lib/go.mod": "module example.com/one"}))
    assert isinstance(found, Module)
    assert (found.name, found.go, found.toolchain, found.vendored) == ("example.com/app", "1.22", "go1.22.3", False)
    assert found.requires[0][0] == "example.com/one" and len(found.requires) == 4
    assert [(one.folder, one.place.line) for one in found.replaces] == [("lib", 14), (None, 15)]
    assert [place.line for _, place in found.cgo_modules] == [8, 9]
    assert found.unknown == ()


@pytest.mark.parametrize("target", ["../lib", "./gone", "/abs"])
def test_a_replacement_that_is_not_there(target: str) -> None:
    found = read_module(context(**{"go.mod": f"module a\nreplace b => {target}\n"}))
    assert isinstance(found, Module) and found.unknown


@pytest.mark.parametrize("text", ["", "go 1.2", "<xml/>", b"\0\0", "module", "require (\n" * 50_000])
def test_what_is_no_module(text: str | bytes) -> None:
    assert isinstance(read_module(Files({"go.mod": text})), Unknown)
    assert read_module(context()) is None


@pytest.mark.parametrize(
    ("line", "use"),
    [
        ('import "C"', "cgo"),
        ('import "net/http"', "tls"),
        ('import ("crypto/tls")', "tls"),
        ('import _ "time/tzdata"', "tzdata"),
        ('import "os/user"', "user"),
        ('import t "time"\nvar x, _ = t.LoadLocation(name)', "timezone"),
        ('import "time"\nvar x, _ = time.LoadLocation("Europe/Berlin")', "timezone"),
        ('import "fmt"', None),
        ('// import "C"', None),
        ('var s = `import "C"`', None),
        ('import "time"\nvar x, _ = time.LoadLocation("UTC")', None),
        ('import "time"\nvar x = time.Now()', None),
    ],
)
def test_uses(line: str, use: str | None) -> None:
    uses = {one.what for one in sources(f"package main\n{line}\n").uses}
    assert uses >= {use} if use else not uses


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("a.go", True),
        ("a_linux.go", True),
        ("a_linux_amd64.go", True),
        ("a_amd64.go", True),
        ("windows.go", True),
        ("a_test.go", False),
        ("a_windows.go", False),
        ("a_darwin_arm64.go", False),
        ("vendor/x/a.go", False),
        ("testdata/a.go", False),
        ("_x/a.go", False),
    ],
)
def test_files_that_are_built(name: str, seen: bool) -> None:
    assert bool(sources('package x\nimport "C"', name).uses) == seen


def test_programs_by_folder() -> None:
    found = read_sources(
        context(
            **{
                "cmd/a/main.go": "package main\n\nfunc main() {}",
                "cmd/b/b.go": "// package main\npackage b\nfunc main() {}",
                "cmd/c/c.go": "package main\nfunc other() {}\n// func main() {}",
                "gen.go": "//go:build ignore\n\npackage main\nfunc main() {}",
            }
        )
    )
    assert [(folder, place.line) for folder, place in found.mains] == [("cmd/a", 3)]


def test_embedded_files_are_paths_of_the_context() -> None:
    found = sources('package a\n//go:embed all:static "b c.html" ../x\n//go:generate go:embed no\n', "web/a.go")
    assert [path for path, _ in found.embeds] == ["web/static", "web/b c.html", "x"]
    assert sources("package a\n//go:embed ../x").unknown


def test_programs_and_files() -> None:
    found = sources(
        """package main
import ("os"; "os/exec"; "html/template"; "net/http"; io "io/ioutil")
func f() {
    exec.Command("ffmpeg", "-i", name)
    exec.CommandContext(ctx, "sh", "-c", "git log | wc")
    os.ReadFile("a.yml")
    template.Must(template.ParseFiles("b.html", "c.html"))
    http.Handle("/", http.FileServer(http.Dir("./public")))
    router.Static("/assets", "./assets")
    io.ReadFile("d")
    x.os.ReadFile("no")
    // os.ReadFile("no")
    _ = "os.ReadFile(no)"
    other.ReadFile("no")
}
"""
    )
    assert [one.name for one in found.programs] == ["ffmpeg", "sh", "git", "wc"]
    assert [one.path for one in found.reads] == ["a.yml", "b.html", "c.html", "./public", "./assets", "d"]
    assert found.unknown == ()


@pytest.mark.parametrize(
    "call", ["exec.Command(name)", 'exec.Command("sh", "-c", cmd)', "os.Open(path)", 'exec.Command("a" + b)']
)
def test_what_is_computed_is_said(call: str) -> None:
    assert sources(f'package a\nimport ("os"; "os/exec")\nfunc f() {{ {call} }}').unknown


@pytest.mark.parametrize(
    "text",
    ["", "`" * 10_001, "/*" * 50_000, '"' * 50_000, "import (" * 10_000, "package", "a.b(" * 10_000, "'\\" * 9_999],
)
def test_hostile_sources(text: str) -> None:
    sources(text)
    assert sources(text + "x" * 2_000_000).unknown
