"""Which programs, libraries and files a call asks for."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

import libcst as cst

from slimify.context.python.file_paths import FilePaths, Place
from slimify.context.python.names import Names, Scope
from slimify.context.python.need import PYTHON, Asked, Base, NeedKind
from slimify.context.python.values import UNKNOWN, Items, Text, Values, known
from slimify.knowledge.python import Calls
from slimify.semantics.commands import invocations
from slimify.syntax.shell import parse_script


class Finder:
    """Reads the calls of one module."""

    def __init__(self, path: str, names: Names, calls: Calls) -> None:
        self.path = path
        self.names = names
        self.calls = calls
        self.values = Values(names)
        self.paths = FilePaths(path, self.values)

    def of_call(self, call: cst.Call, scope: Scope) -> Iterator[tuple[str, Asked]]:
        """What a call asks for, each with the name of the function that it asks."""
        names = self.names.qualified(call.func, scope)
        for name in names:
            for asked in self._function(name, call.args, scope):
                yield name, asked
            for asked in self._files(name, call, scope):
                yield name, asked
        if isinstance(call.func, cst.Attribute):
            method = call.func.attr.value
            if method in self.calls.methods and not any(self.watched(name) for name in names):
                for asked in self._by(self.calls.methods[method], "", call.args, scope):
                    yield method, asked
            if method in self.calls.path_methods:
                yield from ((method, asked) for asked in self._path_method(call, call.func, scope))
        if not _LOOKS & set(names):
            yield from self._passed(call, scope)

    def _passed(self, call: cst.Call, scope: Scope) -> Iterator[tuple[str, Asked]]:
        """`partial(subprocess.run, ["a"])`, `to_thread(os.system, "a")`: a function handed on with its arguments."""
        for at, argument in enumerate(call.args):
            if isinstance(argument.value, cst.Name | cst.Attribute):
                for name in self.names.qualified(argument.value, scope):
                    if self.watched(name):
                        for asked in self._function(name, call.args[at + 1 :], scope):
                            yield name, asked

    def of_mention(self, node: cst.BaseExpression, scope: Scope) -> Iterator[tuple[str, Asked]]:
        """What is asked for without a call: `sh.git`, `plumbum.local["git"]`."""
        if isinstance(node, cst.Subscript):
            if "plumbum.local" in self.names.qualified(node.value, scope) and len(node.slice) == 1:
                index = node.slice[0].slice
                if isinstance(index, cst.Index):
                    for text in self.values.texts(index.value, scope):
                        yield "plumbum.local", _program((text,), False)
            return
        for name in self.names.qualified(node, scope):
            module, _, attribute = name.rpartition(".")
            if module in self.calls.attribute:
                yield name, _attribute(attribute)

    def handed_on(self, node: cst.BaseExpression, scope: Scope) -> str:
        """The function that starts programs which the expression names without calling it; else empty."""
        if isinstance(node, cst.Name | cst.Attribute):
            for name in self.names.qualified(node, scope):
                if self.watched(name):
                    return name
        return ""

    def watched(self, name: str) -> bool:
        """Whether a function starts programs or loads libraries."""
        calls = self.calls
        return any(name in table for table in (calls.argv, calls.shell, calls.first, calls.second, calls.libraries))

    def _function(self, name: str, arguments: Sequence[cst.Arg], scope: Scope) -> Iterator[Asked]:
        calls = self.calls
        for kind, table in (
            ("argv", calls.argv),
            ("shell", calls.shell),
            ("first", calls.first),
            ("second", calls.second),
            ("library", calls.libraries),
        ):
            if name in table:
                yield from self._by(kind, table[name], arguments, scope)
        module, _, attribute = name.rpartition(".")
        if module in calls.attribute and attribute != "Command":
            yield _attribute(attribute)

    def _by(self, kind: str, parameter: str, arguments: Sequence[cst.Arg], scope: Scope) -> Iterator[Asked]:
        second = kind.startswith("second")
        node = _argument(arguments, 1 if second else 0, parameter)
        if kind == "library":
            # CDLL(None) is the program itself.
            if not (isinstance(node, cst.Name) and node.value == "None"):
                for text in self.values.texts(node, scope):
                    yield Asked(NeedKind.LIBRARY, known(text) or None)
        elif kind in ("shell", "second_shell"):
            for text in self.values.texts(node, scope):
                yield from self._script(text)
        elif kind in ("first", "second"):
            rest = [
                self.values.texts(one.value, scope)[0] for one in arguments[2 if second else 1 :] if not one.keyword
            ]
            for text in self.values.texts(node, scope):
                yield _program((text, *rest), any(one.star for one in arguments))
        else:
            yield from self._argv(node, arguments, scope)

    def _argv(self, node: cst.BaseExpression | None, arguments: Sequence[cst.Arg], scope: Scope) -> Iterator[Asked]:
        executable = _argument(arguments, -1, "executable")
        if executable is not None and not (isinstance(executable, cst.Name) and executable.value == "None"):
            for text in self.values.texts(executable, scope):
                yield _program((text,), True)
        shell = _argument(arguments, -1, "shell")
        by_shell = isinstance(shell, cst.Name) and shell.value == "True"
        either = shell is not None and not isinstance(shell, cst.Name)
        lists = [one for one in self.values.lists(node, scope) if one.texts]
        texts = [one for one in self.values.texts(node, scope) if one != UNKNOWN]
        for items in lists:
            if by_shell:
                yield from self._script(items.texts[0])
            else:
                yield from self._program(items)
        for text in texts:
            if by_shell or either or " " in "".join(part for part in text if part):
                # Without a shell a string is the name of a program, blanks and all: nobody means that.
                yield from self._script(text)
            else:
                yield _program((text,), False)
        if self._unsure(node, scope, bool(lists), bool(texts)):
            yield Asked(NeedKind.PROGRAM, None)

    def _unsure(self, node: cst.BaseExpression | None, scope: Scope, lists: bool, texts: bool) -> bool:
        """Whether there may be another value than those that were found."""
        if not lists and not texts:
            return True
        if isinstance(node, cst.Name | cst.Attribute):
            values, where = self.values.assigned(node, scope)
            return any(
                not any(one.texts for one in self.values.lists(value, where))
                and UNKNOWN in self.values.texts(value, where)
                for value in values
            )
        return (not texts and any(not one.texts for one in self.values.lists(node, scope))) or (
            not lists and UNKNOWN in self.values.texts(node, scope)
        )

    def _program(self, items: Items) -> Iterator[Asked]:
        first = known(items.texts[0])
        if first is not None and posixpath.basename(first) in _SHELLS and len(items.texts) > 2:
            option = known(items.texts[1])
            if option is not None and option.startswith("-") and option.endswith("c"):
                yield from self._script(items.texts[2])
        yield _program(items.texts, items.more)

    def _script(self, text: Text) -> Iterator[Asked]:
        """The programs of a shell script, unknown parts of it standing for words."""
        script = parse_script("".join("${_}" if part is None else part for part in text))
        if script.opaque:
            yield Asked(NeedKind.PROGRAM, None)
            return
        for command in script.commands():
            for one in invocations(command):
                if one.program in self.calls.builtins:
                    continue
                words = [word.value for word in one.typed]
                typed = one.typed[0].value if one.typed else None
                name = PYTHON if typed == PYTHON else one.program if len(words) == 1 else typed or None
                yield Asked(NeedKind.PROGRAM, name, (*words, *one.argv))
            for wrapper in {name for one in invocations(command) for name in one.wrappers} - self.calls.builtins:
                yield Asked(NeedKind.PROGRAM, wrapper, (wrapper,))

    def _files(self, name: str, call: cst.Call, scope: Scope) -> Iterator[Asked]:
        if name in self.calls.files:
            if _writes(_argument(call.args, 1, "mode")):
                return
            node = _argument(call.args, 0, self.calls.files[name])
            place = self.paths.place(node, scope)
            yield _file(place) if place is not None else Asked(NeedKind.FILE, None)
        elif name in _RESOURCES:
            yield self._resource(call, scope)
        elif name in ("os.path.join", "pathlib.Path.joinpath") and self._anchored(call, scope):
            yield from self._join(call, scope)

    def _resource(self, call: cst.Call, scope: Scope) -> Asked:
        package, resource = _argument(call.args, 0, "package"), _argument(call.args, 1, "resource")
        text = known(self.values.texts(resource, scope)[0]) if resource is not None else ""
        if isinstance(package, cst.Name) and package.value in ("__name__", "__package__"):
            folder = posixpath.dirname(self.path)
            return Asked(NeedKind.FILE, None if text is None else posixpath.join(folder, text), (), Base.CONTEXT)
        named = known(self.values.texts(package, scope)[0])
        if named is None and isinstance(package, cst.Name | cst.Attribute):
            found = self.names.qualified(package, scope)
            named = found[0] if found and found[0] != package else None
        if named is None or text is None:
            return Asked(NeedKind.FILE, None, (), Base.PACKAGE)
        return Asked(NeedKind.FILE, posixpath.join(named.replace(".", "/"), text), (), Base.PACKAGE)

    def _anchored(self, node: cst.BaseExpression, scope: Scope) -> bool:
        place = self.paths.place(node, scope)
        return place is not None and place.anchored and place.steps > 0

    def _join(self, node: cst.BaseExpression, scope: Scope) -> Iterator[Asked]:
        place = self.paths.place(node, scope)
        if place is not None and place.anchored and place.steps:
            yield _file(place)

    def of_join(self, node: cst.BaseExpression, scope: Scope) -> Iterator[tuple[str, Asked]]:
        """The file behind `Path(__file__).parent / "data"`, whoever opens it."""
        for asked in self._join(node, scope):
            yield "/", asked

    def _path_method(self, call: cst.Call, func: cst.Attribute, scope: Scope) -> Iterator[Asked]:
        if func.attr.value == "open" and _writes(_argument(call.args, 0, "mode")):
            return
        place = self.paths.place(func.value, scope)
        if place is not None and (place.anchored or "pathlib" in str(self.names.qualified(func.value, scope))):
            yield _file(place)


_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh"})
_LOOKS = frozenset({"isinstance", "issubclass", "typing.cast", "hasattr", "getattr", "type"})
_RESOURCES = frozenset(
    {
        "pkgutil.get_data", "pkg_resources.resource_filename", "pkg_resources.resource_string",
        "pkg_resources.resource_stream", "importlib.resources.open_text", "importlib.resources.open_binary",
        "importlib.resources.read_text", "importlib.resources.read_binary", "importlib.resources.path",
        "importlib.resources.files", "importlib_resources.files",
    }
)  # fmt: skip


def _argument(arguments: Sequence[cst.Arg], index: int, name: str) -> cst.BaseExpression | None:
    """The argument by name, or by position where `index` is not negative and nothing is unpacked before it."""
    positional = 0
    for one in arguments:
        if one.keyword is not None:
            if one.keyword.value == name:
                return one.value
        elif one.star == "*":
            positional = -1000
        elif not one.star:
            if positional == index:
                return one.value
            positional += 1
    return None


def _attribute(name: str) -> Asked:
    """`sh.apt_get` is the program apt-get, `sh.Command` is not one (documentation of sh, "Commands")."""
    program = name.replace("_", "-")
    return Asked(NeedKind.PROGRAM, program, (program,))


def _program(texts: Sequence[Text], more: bool) -> Asked:
    argv = tuple(known(text) for text in texts)
    return Asked(NeedKind.PROGRAM, argv[0] or None, (*argv, None) if more else argv)


def _writes(mode: cst.BaseExpression | None) -> bool:
    if not isinstance(mode, cst.SimpleString):
        return False
    value = mode.evaluated_value
    return isinstance(value, str) and bool(set(value) & set("wx"))


def _file(place: Place) -> Asked:
    return Asked(NeedKind.FILE, place.path, (), Base.CONTEXT if place.anchored else Base.FOLDER)
