"""Our reading of shell scripts against shfmt's, and the rewritten ones against the shells themselves."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest
from shared_corpus import changed, outcomes

from slimify.rewrite.edit import Level
from slimify.syntax.dockerfile import Dockerfile, parse
from slimify.syntax.shell import Script, parse_script, shell_body
from slimify.syntax.source import Source

from . import shfmt
from .buildkit import BuildKit

# What shfmt cannot read although the shell can, or reads otherwise than the shell, by file or case.
# An entry that no longer differs fails.
KNOWN: dict[str, str] = {
    "dockerfiles/dockerhub_martianrock__adminer-subdir/Dockerfile": (
        'shfmt takes the # in $(echo ""#…) for a comment; bash and dash accept the script'
    ),
    "dockerfiles/GoogleCloudPlatform__python-docs-samples/.kokoro__docker__Dockerfile": (
        "shfmt takes the key in NAME=([3.7]=…) for arithmetic, though NAME is an associative array"
    ),
}

# Scripts of the kinds that tree-sitter-bash is known to read wrongly, and others of some depth.
CASES = r"""
a && b || c && d
a | b | c && ! d | e
! a
a; b; c
a & b
a > f && b >> g || c 2>&1 < h
echo >&2 'msg'
cmd >f arg
cmd >f arg >g arg2
echo a/$X/b-$Y.tgz
curl -o $A/b-${C}_d.$E "x"$Y'z'
A=1 B=$C cmd x
A=1 B=2
export A=b C="d e"
{ a; b; } && ( c || d ) > f
if a; then b; elif c; then d; else e; fi
for i in a $b "c d"; do e $i; f; done
while read x; do y "$x"; done < f
until a; do b; done
case $x in a|b) c;; *) d; e;; esac
f() { a; b; }
echo "$(a | b && c)" `d` $((1 + 2))
[ -f x ] && [[ -n $y ]] || test -d z
a 2>/dev/null | b &>c
a \& b
echo a\ b 'c d' "e f"
set -eux; a; b
x=$(a) && y=`b`
tar xf - | (cd /x && tar xf -)
patch -p1< f
a <<< "b c"
a && { b || c; } && (d; e) | f
echo a#b # c
a;b;
echo {a,b}/c *.x ?y [a-z]*
sh -c 'a && b'
sudo -E env X=1 nice -n 5 a
find . -name '*.pyc' -exec rm {} \;
find . \( -name a -o -name b \) -delete
echo $'a\nb' $"c"
cat f | while read a b; do echo $b; done | sort
! ( a && b )
time a
ln -sf /a/b{,.bak}
PATH=/a:$PATH cmd
>f
> f a
2>&1 a b
a 1>&2 2>f b
: > f
printf '%s\n' "a" >> /etc/x/y.$Z
echo "a;b&&c|d"
a="b c" d
echo -n a=b c=d
VAR=${X:-"y z"} cmd ${A%%.*} ${B#x} "${C/y/z}"
exec a
. ./env && a
local_var=1; echo $local_var
a || exit 1
(a) && (b)
if ! a; then b; fi && c
for f in *; do [ -d "$f" ] || continue; a "$f"; done
mkdir -p a/{b,c}/d && cd a
gpg --batch --keyserver x --recv-keys "$K" || gpg --keyserver y --recv-keys "$K"
echo "a" | tee b > /dev/null
a $@ "$@" $# $? $$ $!
echo ${#a} ${a[0]}
test "$a" = 'b' -a "$c" != d
""".strip().splitlines()


class Body(NamedTuple):
    name: str
    script: Script


def _bodies(dockerfiles: Iterable[tuple[str, Dockerfile]]) -> dict[str, Body]:
    """Every script once that we claim to understand, with the file where it stands."""
    found: dict[str, Body] = {}
    for name, dockerfile in dockerfiles:
        for one in dockerfile.instructions:
            body = shell_body(one.trigger or one)
            if body is not None and not body.script.opaque:
                found.setdefault(body.script.text, Body(name, body.script))
    return found


def _trees(level: Level, which: str) -> Iterable[tuple[str, Dockerfile]]:
    for name, outcome in outcomes(level).items():
        source: Source = getattr(outcome, which)
        yield name, parse(source)


@functools.cache
def _originals() -> dict[str, Body]:
    found = _bodies(_trees(Level.STANDARD, "before"))
    for number, text in enumerate(CASES, 1):
        script = parse_script(text)
        if not script.opaque:
            found.setdefault(text, Body(f"case {number}", script))
    return found


def _differences(bodies: Iterable[Body]) -> dict[str, list[str]]:
    """By file: what shfmt refuses or reads differently."""
    listed = list(bodies)
    texts = [shfmt.plain(body.script.text) for body in listed]
    found: dict[str, list[str]] = {}
    refused = shfmt.refused(texts)
    for number, message in refused.items():
        found.setdefault(listed[number].name, []).append(f"{message}\n{texts[number]}")
    rest = [number for number in range(len(listed)) if number not in refused]
    for number, theirs in zip(rest, shfmt.trees([texts[number] for number in rest]), strict=True):
        ours = shfmt.ours(listed[number].script)
        if ours != theirs:
            text = f"{texts[number]}\n  ours   {ours}\n  theirs {theirs}"
            found.setdefault(listed[number].name, []).append(text)
    return found


def test_most_cases_are_understood() -> None:
    """So that the comparison below is not one with nothing."""
    opaque = [text for text in CASES if parse_script(text).opaque]
    assert opaque == ["time a"] or len(opaque) <= 3, opaque
    assert _originals()


def test_every_script_has_the_structure_that_shfmt_sees() -> None:
    differences = _differences(_originals().values())
    surprises = {name: texts for name, texts in differences.items() if name not in KNOWN}
    assert not surprises, "\n\n".join(f"{name}: {text}" for name, texts in surprises.items() for text in texts[:2])
    present = {body.name for body in _originals().values()}
    gone = [name for name in KNOWN if name in present and name not in differences]
    assert not gone, f"no longer different, take them out of KNOWN: {gone}"


@pytest.mark.parametrize("level", [Level.STANDARD, Level.AGGRESSIVE], ids=lambda level: level.label)
def test_every_rewritten_script_has_the_structure_that_shfmt_sees(level: Level) -> None:
    new = _bodies(_trees(level, "after"))
    differences = _differences(body for text, body in new.items() if text not in _originals())
    assert not {name: texts for name, texts in differences.items() if name not in KNOWN}


@pytest.mark.parametrize("level", [Level.STANDARD, Level.AGGRESSIVE], ids=lambda level: level.label)
def test_the_shells_accept_what_they_accepted_before(level: Level, buildkit: BuildKit) -> None:
    """What the shell gets is taken from BuildKit's parser, not from ours."""
    scripts: dict[str, tuple[list[str], list[str]]] = {}
    for name, outcome in changed(level).items():
        old, new = _runs(outcome.before, buildkit), _runs(outcome.after, buildkit)
        scripts[name] = [text for text in old if text not in new], [text for text in new if text not in old]
    every = sorted({text for pair in scripts.values() for texts in pair for text in texts})
    dash, bash = _accepted("dash", every), _accepted("bash", every)
    wrong = {}
    for name, (old, new) in scripts.items():
        for shell, accepted in (("dash", dash), ("bash", bash)):
            if accepted.issuperset(old) and (bad := [text for text in new if text not in accepted]):
                wrong[f"{name} by {shell}"] = bad
    assert not wrong
    assert any(new for _, new in scripts.values())


def _runs(source: Source, buildkit: BuildKit) -> list[str]:
    found = []
    for one in buildkit.read(source.text):
        if "RUN" in (one.keyword, one.trigger) and not one.json and not one.heredocs and one.value:
            found.append(one.value[0])
    return found


def _accepted(shell: str, scripts: list[str]) -> set[str]:
    """The scripts that a shell can parse."""
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(scripts):
            Path(folder, str(number)).write_bytes(text.encode("utf-8", "replace"))
        loop = 'cd "$2" && for f in *; do "$1" -n "$f" 2>/dev/null && echo "$f"; done; true'
        done = subprocess.run(["sh", "-c", loop, "sh", shell, folder], capture_output=True, text=True, check=True)
    return {scripts[int(number)] for number in done.stdout.split()}
