"""What building a CMake project leaves, and where: programs, libraries, and what else it may write.

Source: CMake documentation, "cmake-commands(7)", "cmake-variables(7)", "cmake-properties(7)". Nothing is run: a
condition is taken for true or false only where it asks for the system, or for a variable with a plain value.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import NamedTuple

from slimify.context.cmake import commands
from slimify.context.found import Place, Unknown, is_file, join, source
from slimify.semantics.build_context import BuildContext

_FILES = 100
_VARIABLE = re.compile(r"\$(?:ENV|CACHE)?\{([\w.-]+)\}")
_FALSE = frozenset("MSVC WIN32 APPLE MINGW CYGWIN ANDROID IOS EMSCRIPTEN MSYS BORLAND XCODE FALSE OFF NO N 0".split())
_TRUE = frozenset(["UNIX", "LINUX", "TRUE", "ON", "YES", "Y", "1"])
# Projects that are fetched and built into the program: headers only, or static unless BUILD_SHARED_LIBS is set.
_STATIC = frozenset(
    "argparse asio benchmark catch2 cli11 cpp-httplib cpphttplib crow cxxopts doctest eigen fmt glm googlebenchmark "
    "googletest gtest httplib json magic_enum nlohmann_json nlohmannjson rapidjson range-v3 simdjson spdlog tinyxml2 "
    "tl-expected toml11 tomlplusplus yaml-cpp".split()
)
_DOWNLOADS = frozenset("fetchcontent_declare cpmaddpackage cpmfindpackage".split())
# They write what is not known, or run anything.
_WRITING = frozenset(
    "add_custom_command add_custom_target execute_process exec_program externalproject_add try_run write_file "
    "qt5_add_resources qt_add_resources protobuf_generate protobuf_generate_cpp flex_target bison_target".split()
)
_HARMLESS = frozenset(
    """add_compile_definitions add_compile_options add_definitions add_dependencies add_link_options add_test
    check_cxx_compiler_flag check_c_compiler_flag check_cxx_source_compiles check_function_exists check_include_file
    check_ipo_supported check_library_exists check_symbol_exists cmake_dependent_option cmake_minimum_required
    cmake_parse_arguments cmake_path cmake_policy continue break enable_language enable_testing export
    fetchcontent_getproperties fetchcontent_makeavailable fetchcontent_populate find_file find_path
    find_program get_directory_property get_filename_component get_property get_target_property include_directories
    include_guard link_directories link_libraries list mark_as_advanced math message return separate_arguments
    set_directory_properties set_property set_source_files_properties set_tests_properties site_name source_group
    string target_compile_definitions target_compile_features target_compile_options target_include_directories
    target_link_directories target_link_options target_precompile_headers target_sources unset variable_watch
    gtest_discover_tests catch_discover_tests cpack_add_component enable_warnings find_dependency""".split()
)


class Artifact(NamedTuple):
    """A program that is built. `certain` says that it is built by default, whatever conditions say."""

    target: str
    path: str
    certain: bool


class Install(NamedTuple):
    """Files that are installed: targets, or files of the source folder, into a folder of the prefix."""

    kind: str
    names: tuple[str, ...]
    folder: str
    place: Place


class Project(NamedTuple):
    """What a CMake project makes.

    `shared` are libraries that programs load, `packages` what is looked for on the system, `writes` what else may be
    written while it is configured or built, and `unknown` what could not be seen through at all.
    """

    programs: tuple[Artifact, ...]
    shared: tuple[str, ...]
    packages: tuple[str, ...]
    links: tuple[str, ...]
    components: tuple[str, ...]
    installs: tuple[Install, ...]
    writes: tuple[Unknown, ...]
    unknown: tuple[Unknown, ...]
    own: frozenset[str]
    options: tuple[str, ...]


def read_project(
    context: BuildContext, folder: str, at: str, binary: str, variables: Mapping[str, str]
) -> Project | Unknown:
    """Read a project of a folder of the context, which is `at` in the image and is built in `binary`.

    `variables` are those of the command line.
    """
    reader = _Reader(context, folder, at, binary, dict(variables))
    if not reader.read(posixpath.join(folder, "CMakeLists.txt"), "", binary):
        return Unknown("it cannot be read", Place(posixpath.join(folder, "CMakeLists.txt")))
    return reader.project()


class _Target(NamedTuple):
    name: str
    kind: str
    folder: str
    certain: bool


class _Reader:
    def __init__(self, context: BuildContext, folder: str, at: str, binary: str, variables: dict[str, str]) -> None:
        self.context, self.folder, self.at, self.binary = context, folder, at, binary
        self.given = dict(variables)
        self.variables = {
            **{f"{one}_SOURCE_DIR": at for one in ("CMAKE", "PROJECT", "CMAKE_CURRENT")},
            **{f"{one}_BINARY_DIR": binary for one in ("CMAKE", "PROJECT", "CMAKE_CURRENT")},
            "CMAKE_SYSTEM_NAME": "Linux",
            # The module GNUInstallDirs; what else it sets is for libraries.
            "CMAKE_INSTALL_BINDIR": "bin",
            "CMAKE_INSTALL_SBINDIR": "sbin",
            "CMAKE_INSTALL_DATADIR": "share",
            "CMAKE_INSTALL_DATAROOTDIR": "share",
            "CMAKE_INSTALL_INCLUDEDIR": "include",
            "CMAKE_INSTALL_PREFIX": "/usr/local",
            **variables,
        }
        self.files: list[str] = []
        self.targets: dict[str, _Target] = {}
        self.names: dict[str, str] = {}
        self.packages: dict[str, None] = {}
        self.links: dict[str, None] = {}
        self.components: dict[str, None] = {}
        self.options: dict[str, None] = {}
        self.installs: list[Install] = []
        self.writes: list[Unknown] = []
        self.unknown: list[Unknown] = []
        # One entry for each open block: whether it is run, None if not known; whether a branch before it was.
        self.blocks: list[tuple[bool | None, bool | None]] = []

    def project(self) -> Project:
        programs = tuple(
            Artifact(one.name, posixpath.join(one.folder, self.names.get(one.name, one.name)), one.certain)
            for one in self.targets.values()
            if one.kind == "executable"
        )
        shared = tuple(one.name for one in self.targets.values() if one.kind in ("shared", "module"))
        return Project(
            programs, shared, tuple(self.packages), tuple(self.links), tuple(self.components), tuple(self.installs),
            tuple(self.writes), tuple(self.unknown), frozenset(self.targets), tuple(self.options),
        )  # fmt: skip

    def read(self, path: str, inside: str, binary: str, certain: bool = True) -> bool:
        text = source(self.context, path)
        if text is None or path in self.files or len(self.files) >= _FILES:
            return False
        self.files.append(path)
        outer, self.blocks = self.blocks, [] if certain else [(None, None)]
        here = {
            "CMAKE_CURRENT_SOURCE_DIR": posixpath.normpath(posixpath.join(self.at, inside)),
            "CMAKE_CURRENT_BINARY_DIR": binary,
            "CMAKE_CURRENT_LIST_DIR": posixpath.normpath(posixpath.join(self.at, inside)),
        }
        for name, arguments, line in commands(text):
            self.variables.update(here)
            if not self.block(name, arguments) and not any(taken is False for taken, _ in self.blocks):
                self.command(name, [self.expand(one) for one in arguments], Place(path, line), inside, binary)
        self.blocks = outer
        return True

    # -- conditions --

    def block(self, name: str, arguments: list[str]) -> bool:
        """Follow a command that opens or closes a block."""
        if name == "if":
            value = self.condition(arguments)
            self.blocks.append((value, value))
        elif name in ("elseif", "else") and self.blocks:
            _, before = self.blocks.pop()
            now = None if before is None else not before
            if name == "elseif" and now:
                now = self.condition(arguments)
            self.blocks.append((now, None if now is None or before is None else now or before))
        elif name in ("foreach", "while", "function", "macro"):
            self.blocks.append((None, None))
        elif name.startswith("end") and name[3:] in ("if", "foreach", "while", "function", "macro"):
            if self.blocks:
                self.blocks.pop()
        else:
            return False
        return True

    def condition(self, words: list[str]) -> bool | None:
        *negations, word = words or [""]
        if any(one != "NOT" for one in negations):
            return None
        value = self.true(word)
        return value if value is None or len(negations) % 2 == 0 else not value

    def true(self, word: str) -> bool | None:
        """What a name or a constant is worth in a condition."""
        word = self.variables.get(word, word) if not word.startswith("$") else self.expand(word)
        if word.upper() in _FALSE:
            return False
        return True if word.upper() in _TRUE else None

    # -- commands --

    def command(self, name: str, values: list[str], place: Place, inside: str, binary: str) -> None:
        first = values[0] if values else ""
        certain = not any(taken is None for taken, _ in self.blocks)
        if name == "project" and first:
            self.variables["PROJECT_NAME"] = first
            self.variables.setdefault("CMAKE_PROJECT_NAME", first)
            self.variables[f"{first}_SOURCE_DIR"] = self.variables["CMAKE_CURRENT_SOURCE_DIR"]
            self.variables[f"{first}_BINARY_DIR"] = binary
        elif name == "set" and first:
            self.set(first, values[1:], certain)
        elif name == "option" and first:
            self.variables.setdefault(first, values[2] if len(values) > 2 else "OFF")
        elif name in ("add_executable", "add_library"):
            self.target(name, values, place, binary, certain)
        elif name == "set_target_properties":
            self.properties(values, place)
        elif name == "target_link_libraries":
            skip = ("PUBLIC", "PRIVATE", "INTERFACE", "debug", "optimized", "general")
            self.links.update(dict.fromkeys(one for one in values[1:] if one not in skip))
        elif name == "find_library":
            self.links.update(dict.fromkeys(one for one in values[1:] if re.fullmatch(r"[a-z][\w+.-]*", one)))
        elif name in ("find_package", "pkg_check_modules", "pkg_search_module"):
            self.package(name, values)
        elif name == "add_subdirectory":
            self.subdirectory(values, place, inside, binary, certain)
        elif name == "include":
            self.include(first, place, inside, binary)
        elif name == "install":
            self.install(values, place)
        elif name in ("configure_file", "generate_export_header", "file"):
            self.file(name, values, place)
        elif name in _DOWNLOADS:
            asked = values[1] if first == "NAME" and len(values) > 1 else first.rpartition("/")[2].partition("#")[0]
            if asked.partition("@")[0].lower() not in _STATIC:
                self.unknown.append(Unknown(f"it downloads and builds {asked}", place))
        elif name in _WRITING:
            self.writes.append(Unknown(f"{name} may write other files", place))
            self.absolute(values, place)
        elif name in ("fetchcontent_makeavailable", "fetchcontent_populate"):
            return
        elif name not in _HARMLESS:
            self.writes.append(Unknown(f"{name} may do anything", place))
        if name.startswith(("add_compile", "add_link", "target_compile", "target_link")) or "FLAGS" in first:
            self.options.update(dict.fromkeys(word for value in values for word in value.split()))

    def set(self, name: str, values: list[str], certain: bool) -> None:
        if name in self.given:
            return
        if "CACHE" in values:
            if name in self.variables:
                return
            values = values[: values.index("CACHE")]
        value = ";".join(one for one in values if one != "PARENT_SCOPE")
        self.variables[name] = value if certain else f"${{{name}}}"

    def target(self, name: str, values: list[str], place: Place, binary: str, certain: bool) -> None:
        if not values or {"IMPORTED", "ALIAS"} & set(values[1:3]):
            return
        if "$" in values[0]:
            self.writes.append(Unknown("a target whose name is computed", place))
            return
        kind = "executable" if name == "add_executable" else values[1].lower() if len(values) > 1 else ""
        if kind not in ("executable", "static", "shared", "module", "object", "interface"):
            kind = "shared" if self.condition(["BUILD_SHARED_LIBS"]) else "static"
            if "BUILD_SHARED_LIBS" in self.variables and self.condition(["BUILD_SHARED_LIBS"]) is None:
                self.writes.append(Unknown("whether libraries are shared is not known", place))
        folder = self.variables.get("CMAKE_RUNTIME_OUTPUT_DIRECTORY") or self.variables.get("EXECUTABLE_OUTPUT_PATH")
        if folder and "$" in folder:
            self.writes.append(Unknown("the folder of programs is not known", place))
        if folder and not folder.startswith("/"):
            folder = posixpath.join(binary, folder)
        built = certain and "EXCLUDE_FROM_ALL" not in values
        if values[0] in self.targets:
            built = False
        self.targets[values[0]] = _Target(values[0], kind, posixpath.normpath(folder or binary), built)

    def properties(self, values: list[str], place: Place) -> None:
        if "PROPERTIES" not in values:
            return
        at = values.index("PROPERTIES")
        pairs = dict(zip(values[at + 1 :: 2], values[at + 2 :: 2], strict=False))
        for target in values[:at]:
            if "OUTPUT_NAME" in pairs or "RUNTIME_OUTPUT_NAME" in pairs:
                self.names[target] = pairs.get("RUNTIME_OUTPUT_NAME", pairs.get("OUTPUT_NAME", ""))
            folder = pairs.get("RUNTIME_OUTPUT_DIRECTORY")
            if folder and target in self.targets:
                path = posixpath.normpath(posixpath.join(self.targets[target].folder, folder))
                self.targets[target] = self.targets[target]._replace(folder=path)
            named = (folder or "") + self.names.get(target, "")
            if "$" in named or {"SUFFIX", "PREFIX", "DEBUG_POSTFIX"} & pairs.keys():
                self.writes.append(Unknown("the name of a program is not known", place))

    def package(self, name: str, values: list[str]) -> None:
        if name == "find_package":
            self.packages.update(dict.fromkeys(values[:1]))
            if values[:1] == ["Boost"]:
                words = [one for one in values[1:] if re.fullmatch(r"[a-z_]+", one)]
                self.components.update(dict.fromkeys(words))
            return
        skip = ("REQUIRED", "QUIET", "IMPORTED_TARGET", "GLOBAL", "NO_CMAKE_PATH", "NO_CMAKE_ENVIRONMENT_PATH")
        self.packages.update(
            dict.fromkeys("pkg-config:" + re.split(r"[<>=]", one)[0] for one in values[1:] if one not in skip)
        )

    def subdirectory(self, values: list[str], place: Place, inside: str, binary: str, certain: bool) -> None:
        first = values[0] if values else ""
        here = posixpath.dirname(place.file)
        inner = join(here, posixpath.relpath(first, posixpath.join(self.at, inside)) if first[:1] == "/" else first)
        if inner is None or not is_file(self.context, posixpath.join(inner, "CMakeLists.txt")):
            self.unknown.append(Unknown(f"{first} is not in the context", place))
            return
        below = posixpath.join(binary, values[1] if len(values) > 1 and values[1] != "EXCLUDE_FROM_ALL" else first)
        saved = dict(self.variables)
        known = self.read(
            posixpath.join(inner, "CMakeLists.txt"),
            posixpath.relpath(inner, self.folder) if self.folder else inner,
            posixpath.normpath(below),
            certain and "EXCLUDE_FROM_ALL" not in values,
        )
        self.variables = saved
        if not known:
            self.unknown.append(Unknown(f"{inner}/CMakeLists.txt cannot be read", place))

    def include(self, name: str, place: Place, inside: str, binary: str) -> None:
        if not name.endswith(".cmake"):
            # A module of CMake's own, or one of the project found by CMAKE_MODULE_PATH.
            path = next((one.path for one in self.context.entries() if one.path.endswith(f"/{name}.cmake")), None)
        else:
            base = posixpath.join(self.at, inside)
            path = join(posixpath.dirname(place.file), posixpath.relpath(name, base) if name.startswith("/") else name)
            if path is None or not is_file(self.context, path):
                self.unknown.append(Unknown(f"it includes {name}, which is not in the context", place))
                return
        if path is not None:
            outer = self.blocks
            known = self.read(path, inside, binary, not any(taken is None for taken, _ in outer))
            if not known and path not in self.files:
                self.unknown.append(Unknown(f"{path} cannot be read", place))

    def install(self, values: list[str], place: Place) -> None:
        kind = values[0] if values else ""
        names: list[str] = []
        folder, target = "", ""
        rest = iter(values[1:])
        for word in rest:
            if word == "DESTINATION":
                value = next(rest, "")
                if kind != "TARGETS" or target in ("", "RUNTIME"):
                    folder = value
            elif word in ("RUNTIME", "LIBRARY", "ARCHIVE", "BUNDLE", "PUBLIC_HEADER", "PRIVATE_HEADER", "RESOURCE"):
                target = word
            elif word in ("EXPORT", "COMPONENT", "PERMISSIONS", "FILE_PERMISSIONS", "NAMESPACE", "FILE", "RENAME"):
                value = next(rest, "")
                names += ["$"] if word == "RENAME" else []
            elif word in ("PATTERN", "REGEX", "OPTIONAL", "CONFIGURATIONS", "TYPE", "FILES_MATCHING", "EXCLUDE"):
                names += ["$"] if word in ("OPTIONAL", "CONFIGURATIONS", "TYPE", "EXCLUDE") else []
            elif not target and not folder:
                names.append(word)
        certain = not any(taken is None for taken, _ in self.blocks)
        self.installs.append(Install(kind if certain else "?", tuple(names), folder, place))

    def file(self, name: str, values: list[str], place: Place) -> None:
        first = values[0] if values else ""
        if name == "configure_file":
            written = values[1] if len(values) > 1 else ""
            if not re.search(r"\.(?:h|hh|hpp|hxx|c|cc|cpp|cxx|in|pc|cmake)$", written) or written.startswith("/usr"):
                self.writes.append(Unknown(f"configure_file writes {written}", place))
                self.absolute(values[1:2], place)
        elif name == "file" and first.upper() not in (
            "GLOB", "GLOB_RECURSE", "READ", "STRINGS", "RELATIVE_PATH", "TO_CMAKE_PATH", "TO_NATIVE_PATH", "SIZE",
            "REAL_PATH", "MD5", "SHA1", "SHA256", "TIMESTAMP",
        ):  # fmt: skip
            if first.upper() == "DOWNLOAD":
                self.unknown.append(Unknown("it downloads a file", place))
            self.writes.append(Unknown(f"file({first}) may write other files", place))
            self.absolute(values[1:], place)

    def absolute(self, values: list[str], place: Place) -> None:
        """Whether something outside of the project is named where files are written."""
        for one in values:
            if one.startswith("/") and not f"{one}/".startswith((f"{self.at}/", f"{self.binary}/", "/dev/null")):
                self.unknown.append(Unknown(f"it names {one} where it may write", place))

    def expand(self, text: str) -> str:
        """The text with variables that are known; others stay as they are."""
        for _ in range(8):
            changed = _VARIABLE.sub(lambda match: self.variables.get(match[1], match[0]), text)
            if changed == text or len(changed) > 5000:
                break
            text = changed
        return text[:5000]
