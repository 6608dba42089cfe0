"""The needs of one module, read from its concrete syntax tree."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from slimify.context.python.names import Collected, Names, collect
from slimify.context.python.need import Asked, Need, NeedKind
from slimify.context.python.programs import Finder
from slimify.knowledge.python import calls

_LONGEST_EVIDENCE = 160


def module_needs(path: str, module: cst.Module) -> list[Need] | str:
    """The needs of the module at a path of the context, in the order of its source; or why they cannot be told."""
    # Nothing is changed, so a copy is not needed; the parser gives every node once.
    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    collected = collect(wrapper.module)
    if collected is None:
        return "is nested too deeply"
    try:
        pairs = list(_asked(Finder(path, Names(collected), calls()), collected))
        positions = wrapper.resolve(PositionProvider) if pairs else {}
        found = []
        for node, function, asked in pairs:
            start = positions[node].start
            text = " ".join(module.code_for_node(node).split())
            if len(text) > _LONGEST_EVIDENCE:
                text = text[: _LONGEST_EVIDENCE - 1] + "…"
            found.append(
                Need(asked.kind, asked.name, path, start.line, start.column + 1, text, function, asked.argv, asked.base)
            )
    except RecursionError:
        return "is nested too deeply"
    return sorted(dict.fromkeys(found), key=lambda one: (one.line, one.column))


def _asked(finder: Finder, collected: Collected) -> Iterator[tuple[cst.CSTNode, str, Asked]]:
    taken: set[cst.CSTNode] = set()
    for call, scope in collected.calls:
        for function, asked in finder.of_call(call, scope):
            yield call, function, asked
        taken.update(argument.value for argument in call.args)
    # Of `a / "b" / "c"` only the whole is the path of anything.
    inner = {join.node.left for join in collected.joins if isinstance(join.node, cst.BinaryOperation)}
    for node, scope in collected.joins:
        if node not in inner:
            for function, asked in finder.of_join(node, scope):
                yield node, function, asked
    for node, scope in collected.mentions:
        for function, asked in finder.of_mention(node, scope):
            yield node, function, asked
        if node not in taken and (function := finder.handed_on(node, scope)):
            library = function in calls().libraries
            yield node, function, Asked(NeedKind.LIBRARY if library else NeedKind.PROGRAM, None)
