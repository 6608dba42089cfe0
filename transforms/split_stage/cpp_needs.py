"""What a program in C or C++ asks of its image, and which files of the context only its build reads."""

from __future__ import annotations

import posixpath
import re

from slimify.transforms.split_stage.compiled import Needs
from slimify.transforms.split_stage.native import TOOLS, Native
from slimify.transforms.split_stage.refused import Refused

from slimify.context.cpp import ENDINGS, Sources
from slimify.knowledge.images import Image
from slimify.knowledge.python import calls
from slimify.syntax.source import Span

# Sources besides those of the language, and what steers its tools.
_STEERS = re.compile(
    r"(?:.*/)?(?:CMakeLists\.txt|CMakePresets\.json|[\w.-]+\.(?:cmake|mk|am|ac|m4|l|y|ll|yy|pc\.in|cmake\.in|h\.in|hpp\.in)"
    r"|configure(?:\.in)?|autogen\.sh|bootstrap(?:\.sh)?|Makefile\.in|aclocal\.m4|config\.(?:guess|sub)|install-sh"
    r"|meson\.build|meson(?:_options\.txt|\.options)|\.clang-(?:format|tidy)|\.clangd|compile_(?:flags\.txt|commands\.json)"
    r"|Doxyfile|[\w.-]+\.(?:sln|vcxproj(?:\.filters)?|cbp|pro|o|obj))"
)
# What students' programs call on Windows; elsewhere nothing comes of it, before and after.
_OF_WINDOWS = frozenset("chcp cls color pause title".split())
_FROM_PACKAGES = re.compile(r"/usr/(?:include|lib|lib64|libexec|share|src)/.*")
_PROGRAM = re.compile(r"/(?:usr/)?s?bin/[\w.+-]+")


def read_needs(found: Sources, native: Native, image: Image, span: Span) -> Needs:
    """What the sources ask for. Raises `Refused` where that is not known, or nothing for this image."""
    if any("-m32" in one.options or "-mx32" in one.options for one in native.lines):
        raise Refused("it is built for another machine", span)
    if any(one.sanitized for one in native.lines):
        raise Refused("it is built to look for faults in it", span)
    for one in found.unknown:
        raise Refused(f"{one.place.file}:{one.place.line}: {one.reason}", span)
    for text in sorted(found.strings):
        if _FROM_PACKAGES.fullmatch(text) and not text.startswith("/usr/share/zoneinfo"):
            raise Refused(f"the sources name {text}, which may be of a package of the build", span)
    programs = {one.name: f"{one.place.file}:{one.place.line}" for one in found.programs}
    programs.update((text, "a source") for text in sorted(found.strings) if _PROGRAM.fullmatch(text))
    return Needs(
        programs=tuple((name, where) for name, where in programs.items() if _asked(name, where, native, image, span)),
        libraries=tuple((name, f"{place.file}:{place.line}") for name, place in found.libraries),
        certain=not found.lists and not found.opens,
    )


def _asked(name: str, where: str, native: Native, image: Image, span: Span) -> bool:
    """Whether the distribution has to bring a program. Raises `Refused` for one that compiles, or is not there."""
    base = posixpath.basename(name)
    if TOOLS.fullmatch(base):
        raise Refused(f"{where} runs {base}", span)
    shells = ("sh",) if image.distribution == "alpine" else ("sh", "bash")
    if base in _OF_WINDOWS or base in shells or base in calls().builtins:
        return False
    if "/" not in name or _PROGRAM.fullmatch(name):
        return True
    place = posixpath.normpath(posixpath.join(native.stage.final_state.workdir or "/", name))
    if native.outputs.at(place):
        return False
    raise Refused(f"{where} runs {name}, which is not known to be built", span)


def is_source(path: str, found: Sources) -> bool:
    """Whether only the build reads a file: none that the program names, nor any where it lists folders."""
    name = posixpath.basename(path)
    if found.lists or any(name == text or text.endswith(f"/{name}") for text in found.strings):
        return False
    return posixpath.splitext(path)[1].lower() in ENDINGS or _STEERS.fullmatch(path) is not None
