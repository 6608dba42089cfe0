"""split-stage for .NET: what golden cases cannot show. Most of it is what must stay as it is."""

from __future__ import annotations

import pytest

import slimify
from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome

WEB = """<Project Sdk="Microsoft.NET.Sdk.Web">
  <PropertyGroup><TargetFramework>net8.0</TargetFramework></PropertyGroup>
</Project>
"""
CONSOLE = """<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net8.0</TargetFramework></PropertyGroup>
</Project>
"""
PACKAGE = '  <ItemGroup><PackageReference Include="{}" Version="1.0.0" /></ItemGroup>\n</Project>'
TEXT = """FROM mcr.microsoft.com/dotnet/sdk:8.0
WORKDIR /src
COPY . .
RUN dotnet publish -c Release -o /app
WORKDIR /app
ENTRYPOINT ["dotnet", "Shop.dll"]
"""


def run(text: str = TEXT, project: str = WEB, files: dict[str, str] | None = None) -> Outcome:
    context = MemoryContext({"Shop.csproj": project, "Program.cs": "app.Run();\n", **(files or {})})
    return slimify.fix(text, context=context, only=["split-stage"])


def reasons(outcome: Outcome) -> str:
    assert not outcome.changed
    return "; ".join(one.reason for one in outcome.notices)


@pytest.mark.parametrize(
    ("project", "base"),
    [
        (WEB, "aspnet"),
        (CONSOLE, "runtime"),
        (CONSOLE.replace("</Project>", PACKAGE.format("Newtonsoft.Json")), "runtime"),
        (CONSOLE.replace("</Project>", PACKAGE.format("Microsoft.Extensions.Hosting")), "runtime"),
        (CONSOLE.replace("</Project>", PACKAGE.format("Grpc.AspNetCore")), "aspnet"),
        (CONSOLE.replace("</Project>", PACKAGE.format("Nobody.Knows")), "aspnet"),
        (CONSOLE.replace("NET.Sdk", "NET.Sdk.Worker"), "runtime"),
    ],
)
def test_the_run_time_that_is_asked_for(project: str, base: str) -> None:
    assert f"FROM mcr.microsoft.com/dotnet/{base}:8.0\n" in run(project=project).after.text


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ('["dotnet", "run"]', "calls `dotnet run`, which needs the SDK"),
        ('["dotnet", "watch", "run"]', "calls `dotnet watch`, which needs the SDK"),
        ('["dotnet", "ef", "database", "update"]', "calls `dotnet ef`, which needs the SDK"),
        ('["dotnet", "Other.dll"]', "Shop is what is published"),
        ('["dotnet", "/src/bin/Debug/net8.0/Shop.dll"]', "built and not published"),
        ('["./Other"]', "Shop is what is published"),
        ('["pwsh", "-c", "dotnet Shop.dll"]', "pwsh, which only the SDK has"),
        ('["bash"]', "only a shell"),
    ],
)
def test_command_lines_that_stay(command: str, reason: str) -> None:
    assert reason in reasons(run(TEXT.replace('["dotnet", "Shop.dll"]', command)))


@pytest.mark.parametrize(
    "command", ['["dotnet", "Shop.dll", "--urls", "http://*:80"]', '["./Shop"]', "dotnet Shop.dll"]
)
def test_command_lines_that_are_followed(command: str) -> None:
    assert "COPY --from=build /app /app\n" in run(TEXT.replace('["dotnet", "Shop.dll"]', command)).after.text


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        ("dotnet publish -c Release -o .", "between the sources"),
        ("dotnet publish -c Release -o /app -p:PublishProfile=Folder", "is not known"),
        ("dotnet publish -c Release -o $OUT", "depends on a variable"),
        ("dotnet publish Other.csproj -o /app", "not known to come from the build context"),
        ("dotnet publish -o /app && dotnet ef database update", "what `dotnet ef` leaves is not known"),
        ("dotnet tool install --global dotnet-ef && dotnet publish -o /app", "what `dotnet tool` leaves is not known"),
        ("dotnet dev-certs https && dotnet publish -o /app", "what `dotnet dev-certs` leaves is not known"),
    ],
)
def test_builds_that_stay(build: str, reason: str) -> None:
    assert reason in reasons(run(TEXT.replace("dotnet publish -c Release -o /app", build)))


@pytest.mark.parametrize(
    ("project", "reason"),
    [
        (WEB.replace("net8.0", "net6.0"), "is for net6.0, not for 8.0"),
        (WEB.replace("net8.0", "$(Framework)"), "TargetFramework is computed"),
        (WEB.replace("</Project>", PACKAGE.format("Microsoft.Build")), "looks for an SDK"),
        (WEB.replace("</Project>", '<Import Project="x.props" /></Project>'), "it imports x.props"),
        ("no project", "cannot be read"),
    ],
)
def test_projects_that_stay(project: str, reason: str) -> None:
    assert reason in reasons(run(project=project))


def test_one_of_two_projects_has_to_be_named() -> None:
    assert "which project of /src" in reasons(run(files={"Tests.csproj": CONSOLE}))
    text = TEXT.replace("publish -c", "publish Shop.csproj -c")
    assert run(text, files={"Tests.csproj": CONSOLE}).changed


@pytest.mark.parametrize("image", ["mcr.microsoft.com/dotnet/sdk", "mcr.microsoft.com/dotnet/sdk:8.0.100"])
def test_tags_that_stay(image: str) -> None:
    assert not run(TEXT.replace("mcr.microsoft.com/dotnet/sdk:8.0", image)).changed


def test_nothing_is_installed_from_an_archive() -> None:
    text = TEXT.replace("dotnet/sdk:8.0", "dotnet/core/sdk:3.1")
    project = WEB.replace("net8.0", "netcoreapp3.1")
    assert "FROM mcr.microsoft.com/dotnet/core/aspnet:3.1\n" in run(text, project).after.text
    checked = text.replace("ENTRYPOINT", "HEALTHCHECK CMD curl -f http://localhost/ || exit 1\nENTRYPOINT")
    assert "packages of buster are archived" in reasons(run(checked, project))


def test_a_variable_in_the_tag_stays() -> None:
    text = "ARG DOTNET=8.0\n" + TEXT.replace(":8.0", ":${DOTNET}")
    assert "FROM mcr.microsoft.com/dotnet/aspnet:${DOTNET}\n" in run(text).after.text


def test_what_a_health_check_calls_is_installed() -> None:
    text = TEXT.replace("ENTRYPOINT", "HEALTHCHECK CMD curl -f http://localhost/ || exit 1\nENTRYPOINT")
    assert "apt-get install -y --no-install-recommends curl" in run(text).after.text


def test_the_port_of_a_user_stays_his() -> None:
    text = TEXT.replace("sdk:8.0", "sdk:6.0").replace("ENTRYPOINT", "ENV ASPNETCORE_URLS=http://+:5000\nENTRYPOINT")
    after = run(text, WEB.replace("net8.0", "net6.0")).after.text
    assert after.count("ASPNETCORE_URLS") == 1


def test_globalization_that_nobody_asks_for() -> None:
    project = WEB.replace("</PropertyGroup>", "<InvariantGlobalization>true</InvariantGlobalization></PropertyGroup>")
    after = run(TEXT.replace("8.0", "8.0-alpine"), project).after.text
    assert "icu-libs" not in after
    assert "INVARIANT" not in after
    assert "tzdata" in after


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ('Process.Start("dotnet", "--info");', "the application calls dotnet itself"),
        ("Process.Start(tool);", "whose name is not known"),
        ('var p = new ProcessStartInfo { FileName = "/bin/sh" };', "whose name is not known"),
        ('Process.Start("no-such-program");', "what brings it is not known"),
    ],
)
def test_programs_that_the_application_starts(code: str, reason: str) -> None:
    assert reason in reasons(run(files={"Program.cs": code}))


def test_a_program_that_was_there_is_installed() -> None:
    after = run(files={"Git.cs": 'var p = new ProcessStartInfo { FileName = "git", Arguments = "log" };\n'}).after.text
    assert "apt-get install -y --no-install-recommends git" in after


def test_sources_outside_of_sight_are_left_behind() -> None:
    files = {"appsettings.json": "{}\n", "notes.md": "x\n"}
    assert "COPY notes.md" not in run(files=files).after.text
    assert run(files=files).after.text.count("COPY . .") == 1
    named = {**files, "Program.cs": 'File.ReadAllText("/src/notes.md");\n'}
    last = run(files=named).after.text.rpartition("FROM ")[2]
    assert "COPY . ." in last or "COPY notes.md " in last
