from __future__ import annotations

import pytest

from slimify.context.dotnet import Project, Solution, find_projects, read_project, read_solution, sdk_version
from slimify.context.found import Unknown
from slimify.context.java import JavaProject, read_gradle, read_maven
from slimify.context.xml_text import parse
from tests.context.memory import Files, context

BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><project>&b;</project>'
EXTERNAL = '<!DOCTYPE x SYSTEM "file:///etc/passwd"><project/>'
HOSTILE = ["", "{}", "<project>", BOMB, EXTERNAL, "<a>" * 100_000, "<project>&undefined;</project>", "\0", "<x/>"]


def plugin(name: str, inner: str = "") -> str:
    return f"<plugin><artifactId>{name}</artifactId>{inner}</plugin>"


def pom(extra: str = "", plugins: str = "", packaging: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n'
        '<project xmlns="http://maven.apache.org/POM/4.0.0">\n'
        f"<artifactId>app</artifactId><version>1.0</version>{packaging}{extra}\n"
        f"<build><plugins>{plugins}</plugins></build></project>"
    )


def maven(text: str, **files: str) -> JavaProject:
    found = read_maven(Files({"pom.xml": text, **files}))
    assert isinstance(found, JavaProject)
    return found


@pytest.mark.parametrize(
    ("text", "artefacts"),
    [
        (pom(), [("target/app-1.0.jar", None)]),
        (pom(packaging="<packaging>war</packaging>"), [("target/app-1.0.war", True)]),
        (pom(packaging="<packaging>pom</packaging>"), []),
        (pom(plugins=plugin("spring-boot-maven-plugin")), [("target/app-1.0.jar", True)]),
        (
            pom().replace("<plugins>", "<finalName>x-${project.version}</finalName><plugins>"),
            [("target/x-1.0.jar", None)],
        ),
        (pom(plugins=plugin("quarkus-maven-plugin")), [("target/quarkus-app/quarkus-run.jar", True)]),
        (
            pom(
                plugins=plugin(
                    "maven-assembly-plugin",
                    "<configuration><descriptorRefs><descriptorRef>jar-with-dependencies</descriptorRef>"
                    "</descriptorRefs></configuration>",
                )
            ),
            [("target/app-1.0.jar", None), ("target/app-1.0-jar-with-dependencies.jar", True)],
        ),
    ],
)
def test_maven_artefacts(text: str, artefacts: list[tuple[str, bool | None]]) -> None:
    found = maven(text)
    assert [(one.path, one.runnable) for one in found.artefacts] == artefacts
    assert found.unknown == ()


@pytest.mark.parametrize(
    "text",
    [
        pom().replace("1.0</version>", "${revision}</version>"),
        pom().replace("<plugins>", "<finalName>${x}</finalName><plugins>"),
        pom().replace("<plugins>", "<directory>out</directory><plugins>"),
        pom("<modules><module>gone</module></modules>"),
        pom("<profiles><profile><build/></profile></profiles>"),
        pom("<properties><a>${b}</a><b>${a}</b></properties>").replace(
            "<plugins>", "<finalName>${a}</finalName><plugins>"
        ),
        pom(plugins=plugin("maven-assembly-plugin")),
        pom("<parent><artifactId>p</artifactId><relativePath>../p</relativePath></parent>"),
    ],
)
def test_what_maven_computes_is_said(text: str) -> None:
    assert maven(text).unknown


def test_maven_modules_parents_and_java() -> None:
    made = context(
        **{
            "pom.xml": pom("<modules><module>a</module></modules>", packaging="<packaging>pom</packaging>"),
            "a/pom.xml": "<project><parent><artifactId>app</artifactId><version>1.0</version></parent>"
            "<artifactId>a</artifactId><properties><v>17</v><java.version>${v}</java.version></properties></project>",
            "mvnw": "",
            ".mvn/wrapper/maven-wrapper.properties": "",
        }
    )
    root, inner = read_maven(made), read_maven(made, "a")
    assert isinstance(root, JavaProject) and isinstance(inner, JavaProject)
    assert root.modules == ("a",) and root.inputs == ("mvnw", ".mvn/wrapper/maven-wrapper.properties")
    assert (inner.java, inner.inputs, inner.version) == ("17", ("pom.xml",), "1.0")
    assert [one.path for one in inner.artefacts] == ["a/target/a-1.0.jar"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_xml(text: str) -> None:
    assert isinstance(read_maven(Files({"pom.xml": text})), Unknown)
    assert isinstance(read_project(Files({"a.csproj": text}), "a.csproj"), Unknown)


def test_xml_has_lines_and_no_namespaces() -> None:
    found = parse('<a xmlns="u">\n<b x="1"> t <!-- c --></b></a>')
    assert found is not None and found.name == "a"
    assert found.value("b") == "t" and found.children[0].line == 2
    assert parse("<a>" * 59 + "</a>" * 59) is not None and parse("<a>" * 70 + "</a>" * 70) is None


def gradle(text: str, settings: str = "rootProject.name = 'app'\n", **files: str) -> JavaProject:
    found = read_gradle(Files({"build.gradle": text, "settings.gradle": settings, **files}))
    assert isinstance(found, JavaProject)
    return found


@pytest.mark.parametrize(
    ("text", "artefacts"),
    [
        ("plugins {\n id 'java'\n}\nversion = '1.0'\n", ["build/libs/app-1.0.jar"]),
        ("plugins {\n java\n}\n", ["build/libs/app.jar"]),
        ("apply plugin: 'war'\n", ["build/libs/app.war"]),
        (
            'plugins {\n id("org.springframework.boot") version "3.1"\n}\nversion "2"\n',
            ["build/libs/app-2.jar", "build/libs/app-2-plain.jar"],
        ),
        (
            "plugins {\n id 'java'\n id 'com.gradleup.shadow' version '8'\n}",
            ["build/libs/app-all.jar", "build/libs/app.jar"],
        ),
    ],
)
def test_gradle_artefacts(text: str, artefacts: list[str]) -> None:
    found = gradle(text)
    assert [one.path for one in found.artefacts] == artefacts
    assert found.unknown == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plugins {\n // id 'java'\n}",
        "plugins {\n id 'java'\n}\nversion = System.getenv('V')",
        "plugins {\n id 'java'\n}\njar { archiveFileName = 'x.jar' }",
        "plugins {\n id 'java'\n}\narchivesBaseName = 'y'",
    ],
)
def test_what_gradle_computes_is_said(text: str) -> None:
    found = gradle(text)
    assert found.unknown and not found.artefacts


def test_gradle_settings_and_java() -> None:
    found = gradle(
        "plugins {\n id 'java'\n}\njava { toolchain { languageVersion = JavaLanguageVersion.of(21) } }",
        "rootProject.name = 'app'\ninclude 'a', ':b:c'\n// include 'no'\n",
        gradlew="",
    )
    assert (found.modules, found.java) == (("a", "b/c"), "21")
    assert [one.reason for one in found.unknown] == ["gradle-wrapper.jar is not in the context"]
    assert gradle("sourceCompatibility = JavaVersion.VERSION_1_8").java == "1.8"
    assert read_gradle(context()) is None and read_maven(context()) is None


PROJECT = """<Project Sdk="Microsoft.NET.Sdk.Web">
  <PropertyGroup>
    <TargetFramework>net8.0</TargetFramework>
    <InvariantGlobalization>true</InvariantGlobalization>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Dapper" Version="2.0" />
    <ProjectReference Include="..\\Lib\\Lib.csproj" />
  </ItemGroup>
</Project>"""


def test_dotnet_project() -> None:
    made = context(
        **{
            "src/App/App.csproj": PROJECT,
            "src/Lib/Lib.csproj": '<Project Sdk="Microsoft.NET.Sdk"></Project>',
            "Directory.Build.props": "<Project><PropertyGroup><AssemblyName>Other</AssemblyName>"
            "</PropertyGroup></Project>",
            "src/nuget.config": "",
            "global.json": '{ "sdk": { "version": "8.0.100", }, }',
        }
    )
    found = read_project(made, "src/App/App.csproj")
    assert isinstance(found, Project)
    assert (found.web, found.frameworks, found.assembly, found.output) == (True, ("net8.0",), "Other", "Exe")
    assert (found.references, found.packages[0].name, found.invariant) == (("src/Lib/Lib.csproj",), "Dapper", True)
    assert found.inputs == ("Directory.Build.props", "global.json", "src/nuget.config")
    assert found.self_contained is None and found.unknown == ()
    library = read_project(made, "src/Lib/Lib.csproj")
    assert isinstance(library, Project) and (library.web, library.output) == (False, "Library")
    assert sdk_version(made) == "8.0.100" and sdk_version(context()) == ""
    assert find_projects(made) == ("src/App/App.csproj", "src/Lib/Lib.csproj")


@pytest.mark.parametrize(
    "inner",
    [
        "<PropertyGroup Condition=\"'$(X)' == ''\"><AssemblyName>a</AssemblyName></PropertyGroup>",
        "<PropertyGroup><TargetFramework>$(Net)</TargetFramework></PropertyGroup>",
        '<ItemGroup><ProjectReference Include="../gone/x.csproj" /></ItemGroup>',
        '<ItemGroup><ProjectReference Include="../../out.csproj" /></ItemGroup>',
        '<Import Project="x.targets" />',
    ],
)
def test_what_msbuild_computes_is_said(inner: str) -> None:
    found = read_project(Files({"a/a.csproj": f'<Project Sdk="Microsoft.NET.Sdk">{inner}</Project>'}), "a/a.csproj")
    assert isinstance(found, Project) and found.unknown


def test_solution() -> None:
    text = (
        "\ufeff\nMicrosoft Visual Studio Solution File, Format Version 12.00\n"
        'Project("{A}") = "App", "src\\App\\App.csproj", "{B}"\nEndProject\n'
        'Project("{A}") = "Gone", "Gone.csproj", "{C}"\nProject("{F}") = "folder", "folder", "{D}"\n'
    )
    found = read_solution(context(**{"x.sln": text, "src/App/App.csproj": ""}), "x.sln")
    assert isinstance(found, Solution)
    assert found.projects == ("src/App/App.csproj",) and len(found.unknown) == 1
    assert isinstance(read_solution(context(**{"x.sln": "x"}), "x.sln"), Unknown)
    assert read_solution(context(), "x.sln") is None
