"""Programs, libraries and files that a module needs when it runs, and what looks like it and is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimify.context.python.need import Base, NeedKind
from slimify.context.python.needs import Needs, read_needs
from tests.context.python.memory import Memory


def needs(source: str | bytes, path: str = "pkg/m.py") -> Needs:
    return read_needs(Memory({path: source}), [path])


def names(source: str, kind: NeedKind = NeedKind.PROGRAM) -> list[str | None]:
    found = needs(source)
    assert not found.unread
    return [one.name for one in found.of(kind)]


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("import subprocess\nsubprocess.run(['git', 'log'])", ["git"]),
        ("import subprocess as sp\nsp.Popen(args=('git',))", ["git"]),
        ("from subprocess import check_output as c\nc('git')", ["git"]),
        ("from subprocess import *\ncall(['git'])", ["git"]),
        ("import subprocess\nsubprocess.run('ls -l | sort && cd x', shell=True)", ["ls", "sort"]),
        ("import subprocess\nsubprocess.run(['/usr/bin/env', x])", ["/usr/bin/env"]),
        ("import subprocess\nsubprocess.run(['sh', '-c', 'a | b'])", ["a", "b", "sh"]),
        ("import subprocess\nsubprocess.run(['x'], executable='y')", ["y", "x"]),
        ("import subprocess\nsubprocess.run('convert a'.split())", ["convert"]),
        ("import subprocess, shlex\nsubprocess.run(shlex.split(f'convert {a} b'))", ["convert"]),
        ("import subprocess\nC = 'git'\nsubprocess.run([C, 'x'])", ["git"]),
        ("import subprocess\nclass A:\n C = 'git'\n def f(self): subprocess.run([self.C])", ["git"]),
        ("import subprocess\ndef f():\n c = ['git']\n c += x\n subprocess.run(c)", ["git"]),
        ("import subprocess\nsubprocess.run(['a' if x else 'b'])", ["a", "b"]),
        ("import subprocess\nsubprocess.run(['a', *x] + y)", ["a"]),
        ("import subprocess\ndef f():\n r = subprocess.run\n r(['git'])", ["git"]),
        ("import os\nos.system(f'ffmpeg -i {x}')", ["ffmpeg"]),
        ("import os\nos.system('ffmpeg %s' % x)", ["ffmpeg"]),
        ("import os\nos.popen('ffmpeg ' + x)", ["ffmpeg"]),
        ("import os\nos.system('ffmpeg {}'.format(x))", ["ffmpeg"]),
        ("from os import execvp\nexecvp('nginx', ['nginx'])", ["nginx"]),
        ("import os\nos.spawnlp(os.P_WAIT, 'cp', 'cp', 'a')", ["cp"]),
        ("import shutil\nshutil.which('dot')", ["dot"]),
        ("import asyncio\nasync def f(): await asyncio.create_subprocess_exec('dot', 'x')", ["dot"]),
        ("from asyncio import create_subprocess_shell as s\nasync def f(): await s('dot | wc')", ["dot", "wc"]),
        ("import functools, subprocess\nfunctools.partial(subprocess.run, ['git'])", ["git"]),
        ("import sh\nsh.git('log')\nsh.apt_get.install('x')", ["git", "apt-get"]),
        ("from sh import git\ngit('log')", ["git"]),
        ("from plumbum import local\nlocal['wc']('x')", ["wc"]),
        ("import pexpect\npexpect.spawn('ssh host')", ["ssh"]),
        ("__import__('os').system('ls')", ["ls"]),
        ("import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'x'])", ["{python}"]),
    ],
)
def test_programs(source: str, wanted: list[str]) -> None:
    assert names(source) == wanted


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess\nsubprocess.run(cmd)",
        "import subprocess\ndef f(c): subprocess.run(c)",
        "import subprocess\nsubprocess.run([x, 'git'])",
        "import subprocess\nsubprocess.run(*x)",
        "import subprocess\nsubprocess.run(f'{x} a', shell=True)",
        "import os\nos.system(f'ff{x}')",
        "import os\nos.system('if (')",
        "import subprocess\nrun = subprocess.run",
        "import subprocess\nTABLE = {'a': subprocess.call}",
        "import subprocess\nclass P(subprocess.Popen): pass",
        "import os\nos.execv(path, a)",
        "import subprocess\nfor c in ['a', 'b']: subprocess.run([c])",
    ],
)
def test_programs_that_are_not_known(source: str) -> None:
    assert None in names(source)
    assert needs(source).unknown


@pytest.mark.parametrize(
    "source",
    [
        "def run(x): pass\nrun(['git'])",
        "class A:\n def system(self, x): pass\nA().system('ls')",
        "import subprocess\ndef f(p: subprocess.Popen) -> subprocess.Popen: pass",
        "import subprocess\nisinstance(p, subprocess.Popen)",
        "import subprocess\ntry: pass\nexcept subprocess.CalledProcessError: pass",
        "import subprocess\nsubprocess.PIPE",
        "x = 'subprocess.run(\"git\")'",
        "# import subprocess; subprocess.run('git')",
        "import platform\nplatform.system()",
        "import os\nos.path.join('a', 'b')",
        "import os\nos.system('cd x && export A=1; echo hi')",
        "from other import run\nrun('git')",
        "import ctypes\nctypes.CDLL(None)",
        "def f():\n import subprocess\ndef g(subprocess): subprocess.run('a')",
    ],
)
def test_no_programs(source: str) -> None:
    assert names(source) == []


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("import ctypes\nctypes.CDLL('libmagic.so.1')", ["libmagic.so.1"]),
        ("from ctypes import cdll\ncdll.LoadLibrary('libz.so')", ["libz.so"]),
        ("from ctypes.util import find_library as f\nf('pq')", ["pq"]),
        ("import cffi\nffi = cffi.FFI()\nffi.dlopen('libcairo.so.2')", ["libcairo.so.2"]),
        ("from cffi import FFI\nFFI().dlopen(name)", [None]),
        ("import ctypes\nctypes.c_int(1)", []),
        ("ffi.dlopen('x')", []),
    ],
)
def test_libraries(source: str, wanted: list[str | None]) -> None:
    assert names(source, NeedKind.LIBRARY) == wanted


@pytest.mark.parametrize(
    ("source", "name", "base"),
    [
        ("open('data/x.json')", "data/x.json", Base.FOLDER),
        ("open('/etc/x')", "/etc/x", Base.FOLDER),
        ("from pathlib import Path\n(Path(__file__).parent / 'd' / 'x').read_text()", "pkg/d/x", Base.CONTEXT),
        ("from pathlib import Path\nB = Path(__file__).resolve().parents[1]\nopen(B / 'x')", "x", Base.CONTEXT),
        ("import os\nopen(os.path.join(os.path.dirname(__file__), '..', 'x'))", "x", Base.CONTEXT),
        (
            "import os\nread(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'x.csv'))",
            "pkg/x.csv",
            Base.CONTEXT,
        ),
        ("import os\nopen(os.path.dirname(__file__) + '/x')", "pkg/x", Base.CONTEXT),
        ("import pkgutil\npkgutil.get_data('a.b', 'x.txt')", "a/b/x.txt", Base.PACKAGE),
        ("import pkgutil\npkgutil.get_data(__name__, 'x.txt')", "pkg/x.txt", Base.CONTEXT),
        ("from pathlib import Path\nPath('cfg.yml').read_bytes()", "cfg.yml", Base.FOLDER),
    ],
)
def test_files(source: str, name: str, base: Base) -> None:
    assert (name, base) in [(one.name, one.base) for one in needs(source).of(NeedKind.FILE)]


@pytest.mark.parametrize(
    "source",
    ["open('x', 'w')", "open('x', mode='wb')", "import webbrowser\nwebbrowser.open('x')", "x.open('y')", "a = b / 'c'"],
)
def test_no_files(source: str) -> None:
    assert names(source, NeedKind.FILE) == []


def test_a_file_outside_of_the_context_is_not_known() -> None:
    assert names("open(__file__ + '/../../../../x')", NeedKind.FILE) == [None]


def test_evidence() -> None:
    (one,) = needs("import subprocess\n\nif x:\n    subprocess.run(\n        ['git', x])\n").found
    assert (one.path, one.line, one.column) == ("pkg/m.py", 4, 5)
    assert one.text == "subprocess.run( ['git', x])"
    assert one.argv == ("git", None)
    assert one.function == "subprocess.run"


HOSTILE = {
    "python 2": "import subprocess\nprint 'x'\nexec 'y'\n",
    "null": "import subprocess\n\0",
    "binary": bytes(range(256)) + b"subprocess",
    "huge": "import subprocess\n" + "a = 1\n" * 200_000,
    "parentheses": "import subprocess\n" + "(" * 5000 + ")" * 5000,
    "minus": "import subprocess\nx = " + "-" * 50_000 + "1",
    "sum": "import subprocess\nx = 1" + "+a" * 20_000,
    "and": "import subprocess\nx = 1" + " and a" * 2000,
    "strings": "import subprocess\nx = " + "'a' " * 20_000,
    "dots": "import subprocess" + ".a" * 30_000,
    "pattern": "import subprocess\nmatch a:\n case " + "{1:" * 12 + "b" + "}" * 12 + ":\n  pass",
    "elif": "import subprocess\nif a: pass\n" + "elif a: pass\n" * 3000,
    "call": "import subprocess\na" + "()" * 3000,
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_hostile(source: str | bytes) -> None:
    found = needs(source)
    assert found.found == ()
    assert [one.file for one in found.unread] == ["pkg/m.py"]


def test_what_would_take_long() -> None:
    doubled = "\n".join(f"a{n} = a{n - 1} + a{n - 1}" for n in range(1, 60))
    assert names(f"import os\na0 = 'x '\n{doubled}\nos.system(a59)") == [None]
    assert names("import os\na = b\nb = a\nos.system(a)") == [None]


@given(
    st.lists(st.sampled_from("subprocess.run os.system ( ) [ ] 'a' f'{x}' import as , = + \n x lambda : *".split(" ")))
)
def test_never_raises(words: list[str]) -> None:
    needs("import subprocess\n" + " ".join(words))


def test_missing_module() -> None:
    assert read_needs(Memory({}), ["a.py"]).unread[0].file == "a.py"
