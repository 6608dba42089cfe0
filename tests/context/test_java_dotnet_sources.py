"""What sources of Java and .NET show of what they need; hostile ones show nothing and break nothing."""

from __future__ import annotations

import pytest

from slimify.context import dotnet_sources, java_sources
from tests.context.memory import Files

HOSTILE = ["", "\0", "/*" * 50_000, '"' * 50_001, "//" + "x" * 10_000, '"\\' * 10_000, "ProcessBuilder(" * 20_000]


def java(text: str, path: str = "src/main/java/A.java") -> java_sources.JavaSources:
    return java_sources.read_sources(Files({path: text}))


def dotnet(text: str, path: str = "A.cs") -> dotnet_sources.DotnetSources:
    return dotnet_sources.read_sources(Files({path: text}))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('new ProcessBuilder("git", "log").start();', ["git"]),
        ('new ProcessBuilder(List.of("/usr/bin/convert", in)).start();', ["convert"]),
        ('ProcessBuilder(listOf("ffmpeg", "-i")).start()', ["ffmpeg"]),
        ('new ProcessBuilder(new String[] {"ls"}).start();', ["ls"]),
        ('Runtime.getRuntime().exec("df -h");', ["df"]),
        ('// new ProcessBuilder("git")', []),
        ('String s = "new ProcessBuilder(x)";', ["s"]),
        ("class ProcessBuilders {}", []),
    ],
)
def test_programs_of_java(text: str, names: list[str]) -> None:
    found = java(text)
    if "String s" in text:
        assert not found.programs and found.unknown  # a call in a string is taken for one, to be on the safe side
    else:
        assert [one.name for one in found.programs] == names
        assert not found.unknown


def test_tests_of_java_are_not_looked_at() -> None:
    found = java("javax.tools.JavaCompiler c; new ProcessBuilder(x);", "core/src/test/java/A.java")
    assert found == java_sources.JavaSources((), (), (), ())


@pytest.mark.parametrize("path", ["src/main/resources/application.yml", "application.properties", "logback.xml"])
def test_settings_are_looked_at(path: str) -> None:
    assert java("file: ./target/x\n<file>target/x</file>\n", path).mentions("target/") == path


@pytest.mark.parametrize("path", ["src/main/resources/static/app.json", ".github/workflows/ci.yml", "package.json"])
def test_what_steers_other_things_is_not(path: str) -> None:
    assert java("run: target/x\n", path).mentions("target/") is None


@pytest.mark.parametrize(
    ("text", "names", "unknown"),
    [
        ('Process.Start("git", "log");', ["git"], 0),
        ('Process.Start(new ProcessStartInfo("ffmpeg"));', ["ffmpeg"], 0),
        ('var i = new ProcessStartInfo { FileName = "convert" }; Process.Start(i);', ["convert"], 0),
        ("var i = new ProcessStartInfo { FileName = tool }; Process.Start(i);", [], 1),
        ("Process.Start(tool);", [], 1),
        ('await Cli.Wrap("pandoc").ExecuteAsync();', ["pandoc"], 0),
        ("new Header { FileName = file.Name };", [], 0),
        ('// Process.Start("git");', [], 0),
    ],
)
def test_programs_of_dotnet(text: str, names: list[str], unknown: int) -> None:
    found = dotnet(text)
    assert [one.name for one in found.programs] == names
    assert len(found.unknown) == unknown


def test_what_dotnet_built_is_not_looked_at() -> None:
    assert not dotnet("Process.Start(x);", "obj/Debug/A.cs").texts


@pytest.mark.parametrize("comment", ["/* one\ntwo */\n", "// one\n// two\n", "/// one\n\n"])
def test_lines_are_counted_with_comments(comment: str) -> None:
    assert [one.place.line for one in java(comment + 'new ProcessBuilder("git").start();').programs] == [3]
    assert [one.place.line for one in dotnet(comment + 'Process.Start("git");').programs] == [3]


def test_a_comment_keeps_words_apart() -> None:
    assert len(dotnet("var p = new/* */Process(); p.StartInfo.FileName = tool;").unknown) == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_sources(text: str) -> None:
    java(text)
    dotnet(text)
