""".NET projects: what is built, with which SDK, and what a restore reads.

Sources: Microsoft Learn, ".NET project SDKs", "MSBuild reference for .NET SDK projects",
"Customize your build by folder" (Directory.Build.props), "global.json overview",
"nuget.config reference", "Solution (.sln) file".
Conditions and values that MSBuild computes are not seen.
"""

from __future__ import annotations

import functools
import posixpath
import re
from typing import NamedTuple

from slimify.context.found import Place, Unknown, is_file, join, source
from slimify.context.json_text import load
from slimify.context.xml_text import Element, parse
from slimify.semantics.build_context import BuildContext, Kind

ENDINGS = (".csproj", ".fsproj", ".vbproj")
# What MSBuild and NuGet look for in a project's folder and every one above it.
_ABOVE = (
    "Directory.Build.props",
    "Directory.Build.targets",
    "Directory.Packages.props",
    "global.json",
    "nuget.config",
    "NuGet.config",
    "NuGet.Config",
)


class Package(NamedTuple):
    """A package reference; the version is empty where it is managed centrally."""

    name: str
    version: str
    place: Place


class Project(NamedTuple):
    """A project file with what the props above it say.

    `web` says that it needs the ASP.NET run time. `references` are paths of the context;
    `inputs` are the files that a restore reads besides the project and its references. The flags
    are None where nothing is said.
    """

    path: str
    folder: str
    sdk: str
    frameworks: tuple[str, ...]
    assembly: str
    output: str
    web: bool
    self_contained: bool | None
    single_file: bool | None
    trimmed: bool | None
    native: bool | None
    invariant: bool | None
    references: tuple[str, ...]
    packages: tuple[Package, ...]
    inputs: tuple[str, ...]
    unknown: tuple[Unknown, ...]


class Solution(NamedTuple):
    """A solution: the projects in it that are in the context."""

    path: str
    projects: tuple[str, ...]
    unknown: tuple[Unknown, ...]


def find_projects(context: BuildContext) -> tuple[str, ...]:
    """Every project file of the context."""
    return tuple(one.path for one in context.entries() if one.kind is Kind.FILE and one.path.endswith(ENDINGS))


# Transforms ask again after each change of the Dockerfile; a context never takes back what it has said.
@functools.lru_cache(maxsize=256)
def read_project(context: BuildContext, path: str) -> Project | Unknown | None:
    """A project file: None if there is none, `Unknown` if it cannot be read."""
    if not is_file(context, path):
        return None
    text = source(context, path)
    root = parse(text) if text is not None else None
    if root is None or root.name != "Project":
        return Unknown("the project file cannot be read", Place(path))
    folder = posixpath.dirname(path)
    unknown: list[Unknown] = []
    inputs = _above(context, folder)
    properties: dict[str, str] = {}
    for one in inputs:
        if one.endswith("Directory.Build.props"):
            above = parse(source(context, one) or "")
            if above is None:
                unknown.append(Unknown("it cannot be read", Place(one)))
            else:
                _collect(above, one, properties, unknown)
    _collect(root, path, properties, unknown)
    sdk = root.attributes.get("Sdk", "").partition("/")[0]
    packages, references = [], []
    for group in root.all("ItemGroup"):
        for item in group.children:
            include = item.attributes.get("Include", "")
            place = Place(path, item.line)
            if item.name == "PackageReference" and include:
                packages.append(Package(include, item.attributes.get("Version", "") or item.value("Version"), place))
            elif item.name == "ProjectReference" and include:
                target = join(folder, include.replace("\\", "/"))
                if target is None or not is_file(context, target):
                    unknown.append(Unknown(f"{include} is not in the context", place))
                else:
                    references.append(target)
            elif item.name == "FrameworkReference" and include == "Microsoft.AspNetCore.App":
                properties["web"] = "true"
    for element in root.all("Import"):
        unknown.append(Unknown(f"it imports {element.attributes.get('Project', '')}", Place(path, element.line)))
    lock = posixpath.join(folder, "packages.lock.json")
    if is_file(context, lock):
        inputs.append(lock)
    frameworks = properties.get("TargetFrameworks") or properties.get("TargetFramework", "")
    name = posixpath.splitext(posixpath.basename(path))[0]

    def flag(key: str) -> bool | None:
        value = properties.get(key, "").lower()
        return {"true": True, "false": False}.get(value)

    return Project(
        path,
        folder,
        sdk,
        tuple(one for one in frameworks.split(";") if one),
        properties.get("AssemblyName") or name,
        properties.get("OutputType") or ("Exe" if sdk == "Microsoft.NET.Sdk.Web" else "Library"),
        sdk == "Microsoft.NET.Sdk.Web" or "web" in properties,
        flag("SelfContained"),
        flag("PublishSingleFile"),
        flag("PublishTrimmed"),
        flag("PublishAot"),
        flag("InvariantGlobalization"),
        tuple(references),
        tuple(packages),
        tuple(inputs),
        tuple(unknown),
    )


def _above(context: BuildContext, folder: str) -> list[str]:
    """The nearest file of each kind, from the project's folder up, as MSBuild takes it."""
    found: list[str] = []
    for name in _ABOVE:
        at = folder
        while True:
            path = posixpath.join(at, name)
            if is_file(context, path):
                found.append(path)
                break
            if not at:
                break
            at = posixpath.dirname(at)
    return found


_READ = frozenset(
    """TargetFramework TargetFrameworks AssemblyName OutputType SelfContained PublishSingleFile PublishTrimmed
    PublishAot InvariantGlobalization""".split()
)


def _collect(root: Element, path: str, properties: dict[str, str], unknown: list[Unknown]) -> None:
    for group in root.all("PropertyGroup"):
        for one in group.children:
            if one.name not in _READ:
                continue
            value = one.text.strip()
            if "Condition" in one.attributes or "Condition" in group.attributes or "$(" in value:
                unknown.append(Unknown(f"{one.name} is computed", Place(path, one.line)))
            else:
                properties[one.name] = value


def read_solution(context: BuildContext, path: str) -> Solution | Unknown | None:
    """A .sln file: None if there is none, `Unknown` if it is no solution."""
    if not is_file(context, path):
        return None
    text = source(context, path)
    if text is None or "Microsoft Visual Studio Solution File" not in text[:500]:
        return Unknown("the solution cannot be read", Place(path))
    projects: list[str] = []
    unknown: list[Unknown] = []
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'Project\("[^"]*"\)\s*=\s*"[^"]*",\s*"([^"]*\.(?:cs|fs|vb)proj)"', line)
        if match:
            target = join(posixpath.dirname(path), match[1].replace("\\", "/"))
            if target is not None and is_file(context, target):
                projects.append(target)
            else:
                unknown.append(Unknown(f"{match[1]} is not in the context", Place(path, number)))
    return Solution(path, tuple(projects), tuple(unknown))


def sdk_version(context: BuildContext, folder: str = "") -> str:
    """The SDK that a global.json asks for, empty if it does not."""
    data = load(source(context, posixpath.join(folder, "global.json"), 100_000) or "", loose=True)
    sdk = data.get("sdk") if isinstance(data, dict) else None
    version = sdk.get("version") if isinstance(sdk, dict) else None
    return version if isinstance(version, str) else ""
