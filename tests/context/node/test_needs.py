from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimify.context.node.javascript import tokens
from slimify.context.node.needs import Needs, application, mentioned, scan
from slimify.context.node.tsconfig import TsConfig, read_tsconfig
from tests.context.memory import Files, context

FILES: dict[str, str | bytes] = {
    "src/lib/x.ts": "",
    "src/other/index.js": "",
    "src/pkg/package.json": '{"main": "lib/main"}',
    "src/pkg/lib/main.js": "",
    "bin/tool": "#!/bin/sh\n",
}


def needs(text: str, path: str = "src/a.js") -> Needs:
    return scan(Files(FILES), path, text)


@pytest.mark.parametrize(
    ("text", "packages"),
    [
        ("const a = require('a')", "a"),
        ('require("@s/b/c").d()', "@s/b"),
        ("require(`a`)", "a"),
        ("require.resolve('a')", "a"),
        ("import a from 'a'", "a"),
        ("import a, { b as c } from 'a/sub'; import 'd'", "a d"),
        ("import * as a from 'a'", "a"),
        ("export * from 'a'; export { b } from 'b'", "a b"),
        ("export const x = 1; import 'z'", "z"),
        ("await import('a')", "a"),
        ("const name = 'a'; require(name)", "a"),
        ("const t = `x ${require('a')} y`", "a"),
        ("import a = require('a')", "a"),
        ("import { type T, b } from 'a'", "a"),
        ("if (x) { const r = /'/; } require('a')", "a"),
        ("const r = a / b; require('c') / d", "c"),
        ("#!/usr/bin/env node\nrequire('a')", "a"),
        ("import fs from 'fs'; require('node:path'); require('fs/promises')", ""),
        ("// require('a')\n/* require('b') */", ""),
        ("const s = \"require('a')\", t = `import 'b'`", ""),
        ("const r = /require('a')/", ""),
        ("import type { T } from 'a'; export type { U } from 'b'", ""),
        ("x.require('a'); my.import('b')", ""),
        ("function require(name) {}", ""),
        ("import.meta.url", ""),
        ("import 'https://deno.land/x'", ""),
    ],
)
def test_packages(text: str, packages: str) -> None:
    found = needs(text)
    assert list(found.packages) == packages.split()
    assert found.unknown == ()


@pytest.mark.parametrize(
    ("specifier", "file"),
    [
        ("./lib/x", "src/lib/x.ts"),
        ("./lib/x.js", "src/lib/x.ts"),
        ("./other", "src/other/index.js"),
        ("./other/", "src/other/index.js"),
        ("./pkg", "src/pkg/lib/main.js"),
        ("../bin/tool", "bin/tool"),
    ],
)
def test_local_files(specifier: str, file: str) -> None:
    assert needs(f"require('{specifier}')").imports[0].file == file


@pytest.mark.parametrize(
    "text",
    [
        "require(name)",
        "require('./' + name)",
        "require(`./${name}`)",
        "import(name)",
        "require('./absent')",
        "require('../../outside')",
        "require('/etc/x')",
        "import x from '@/alias'",
        "import x from '#internal'",
        "import { $ } from 'zx'",
    ],
)
def test_what_cannot_be_told_is_said(text: str) -> None:
    assert needs(text).unknown


@pytest.mark.parametrize(
    ("text", "programs"),
    [
        ("const { exec } = require('child_process'); exec('git log | wc -l')", "git wc"),
        ("const { spawn: s } = require('child_process'); s('ffmpeg', ['-i', x])", "ffmpeg"),
        ("import { execFile as f } from 'node:child_process'; f('/usr/bin/convert', args)", "convert"),
        ("import cp from 'child_process'; cp.execSync(`pdftotext ${file} -`)", "pdftotext"),
        ("import * as cp from 'child_process'; cp.spawnSync('sh', ['-c', 'gs -v && echo'])", "sh gs"),
        ("require('child_process').execFileSync('identify')", "identify"),
        ("const cp = require('child_process'), run = util.promisify(cp.exec); run('a b')", "a"),
        ("const { exec } = require('child_process'); const run = promisify(exec); run('a b')", "a"),
        ("const cp = require('child_process'); const { exec } = cp; exec('a')", "a"),
        ("const cp = require('child_process'); const e = cp.exec; e('a')", "a"),
        ("const { exec } = await import('child_process'); exec('a')", "a"),
        ("import { exec } from 'child_process'; const CMD = 'a'; exec(CMD)", "a"),
        ("import { spawn } from 'child_process'; spawn(process.execPath, [x])", "node"),
        ("import { execa } from 'execa'; execa('a', ['b'])", "a"),
        ("import spawn from 'cross-spawn'; spawn.sync('a')", "a"),
        ("import shell from 'shelljs'; shell.exec('a b'); shell.rm('x')", "a"),
        ("import { exec } from 'child_process'; exec('FOO=1 timeout 5 a')", "timeout a"),
        ("/x/.exec('git log'); db.exec('select 1'); exec('ls')", ""),
        ("import { exec } from './lib/x'; exec('git')", ""),
        ("import { ChildProcess } from 'child_process'", ""),
        ("const { exec } = require('child_process'); // exec('git')", ""),
        ("const cp = { exec }; cp.exec('git')", ""),
    ],
)
def test_programs(text: str, programs: str) -> None:
    found = needs(text)
    assert [one.name for one in found.programs] == programs.split()
    assert found.unknown == ()


@pytest.mark.parametrize(
    "call", ["exec(cmd)", "exec(`${cmd} x`)", "handler(exec)", "exec('if')", "exec('$X')", "exec()", "exec('a', exec)"]
)
def test_programs_that_are_computed(call: str) -> None:
    assert needs(f"const {{ exec }} = require('child_process'); {call}").unknown


def test_arguments_and_places() -> None:
    found = needs("import { spawn } from 'child_process'\n\nspawn('git', ['clone', url(1, [2]), '--depth', `1`])")
    assert found.programs[0].argv == ("clone", None, "--depth", "1")
    assert found.programs[0].place.line == 3


def test_forked_and_started_files() -> None:
    found = needs(
        "const cp = require('child_process'); cp.fork('./lib/x'); cp.spawn('./bin/tool');"
        "new Worker(new URL('./other', import.meta.url)); cp.fork(name)"
    )
    assert [one.path for one in found.files] == ["src/other/index.js", "src/lib/x.ts", "bin/tool"]
    assert [one.reason for one in found.unknown] == ["a module whose name is computed is started"]


def test_the_application_is_what_the_entry_reaches() -> None:
    made = context(
        **{
            "a.js": "require('./b'); require('x')",
            "b.js": "require('./a'); require('./data.json'); import('./c.vue')",
            "c.vue": "<template>require('no')</template>\n<script lang='ts'>import 'y'</script>",
            "data.json": "{}",
            "unused.js": "require('z')",
        }
    )
    found = application(made, ["a.js"])
    assert found.files == ("a.js", "b.js", "c.vue")
    assert list(found.needs.packages) == ["x", "y"]
    assert found.needs.packages["y"].line == 2


def test_names_in_strings() -> None:
    made = context(**{"a.js": "app.set('view engine', 'ejs')\nlog({ target: 'pino-pretty/x' }) // 'other'"})
    assert {
        name: place.line for name, place in mentioned(made, ["a.js"], ["ejs", "pino-pretty", "other", "p"]).items()
    } == {
        "ejs": 1,
        "pino-pretty": 2,
    }


def test_aliases_of_the_compiler() -> None:
    made = context(
        **{
            "tsconfig.base.json": '{ "compilerOptions": { "outDir": "out", /* c */ "baseUrl": ".", }, }',
            "app/tsconfig.json": '{"extends": "../tsconfig.base",\n'
            '"compilerOptions": {"paths": {"@/*": ["app/src/*"]}}}',
            "app/src/x.ts": "",
            "app/a.ts": "import '@/x'; import 'app/src/x'; import 'real'",
        }
    )
    config = read_tsconfig(made, "app/tsconfig.json")
    assert isinstance(config, TsConfig) and config.out == "out"
    found = application(made, ["app/a.ts"], config)
    assert [one.file for one in found.needs.imports] == ["app/src/x.ts", "app/src/x.ts", None]
    assert found.needs.unknown == ()


@pytest.mark.parametrize(
    "text",
    [
        "`" * 20_000,
        "`${" * 20_000,
        "'" * 50_000,
        "/" * 50_000,
        "/*" * 50_000,
        "/[" * 20_000,
        "{" * 50_000 + "}" * 60_000,
        "require(" * 20_000,
        "import {" * 5_000,
        "const cp = require('child_process');" + "cp, " * 5_000,
        "import x from " * 5_000,
    ],
)
def test_hostile_text_ends_soon(text: str) -> None:
    start = time.monotonic()
    needs(text)
    assert time.monotonic() - start < 5


def test_large_and_binary_sources_are_unknown() -> None:
    made = context(**{"big.js": "x" * 2_000_000, "binary.js": b"\0\1"})
    found = application(made, ["big.js", "binary.js", "gone.js"])
    assert len(found.needs.unknown) == 3


@given(st.text(alphabet="`$'\"{}()/*\\\n ab.=;,:requireimpotxc", max_size=200))
def test_tokens_are_in_order_and_nothing_raises(text: str) -> None:
    places = [one.at for one in tokens(text)]
    assert places == sorted(places)
    needs(text)
