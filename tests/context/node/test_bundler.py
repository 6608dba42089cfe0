from __future__ import annotations

import json

import pytest

from slimify.context.node.bundler import Bundling, Kind, Output, bundling
from slimify.context.node.package_json import Package, read_package
from tests.context.memory import Files

ANGULAR = {
    "projects": {
        "app": {
            "architect": {
                "build": {"builder": "@angular-devkit/build-angular:application", "options": {"outputPath": "dist/app"}}
            }
        }
    }
}
BROWSER = json.dumps(ANGULAR).replace(":application", ":browser")


def build(script: str, files: dict[str, str | bytes] | None = None, **dependencies: str) -> Bundling:
    made = Files(
        {"package.json": json.dumps({"scripts": {"build": script}, "dependencies": dependencies}), **(files or {})}
    )
    package = read_package(made)
    assert isinstance(package, Package)
    return bundling(made, package)


def output(script: str, files: dict[str, str | bytes] | None = None, **dependencies: str) -> Output:
    (found,) = build(script, files, **dependencies).outputs
    return found


@pytest.mark.parametrize(
    ("script", "files", "folder"),
    [
        ("vite build", {"index.html": ""}, "dist"),
        ("vite build --outDir out", {"index.html": ""}, "out"),
        ("vite build", {"index.html": "", "vite.config.ts": "export default { build: { outDir: 'b' } }"}, "b"),
        ("vite build", {"web/index.html": "", "vite.config.js": "export default { root: 'web' }"}, "web/dist"),
        ("tsc --noEmit && vite build", {"index.html": ""}, "dist"),
        ("react-scripts build", {}, "build"),
        ("ng build --configuration production", {"angular.json": json.dumps(ANGULAR)}, "dist/app/browser"),
        ("ng build", {"angular.json": BROWSER}, "dist/app"),
        ("vue-cli-service build", {}, "dist"),
        ("vue-cli-service build", {"vue.config.js": "module.exports = { outputDir: 'x' }"}, "x"),
        ("next build", {"next.config.js": "module.exports = { output: 'export' }"}, "out"),
        ("astro build", {}, "dist"),
        ("gatsby build", {}, "public"),
        ("parcel build index.html --dist-dir out", {}, "out"),
        ("docusaurus build", {}, "build"),
        ("vitepress build docs", {}, "docs/.vitepress/dist"),
        (
            "webpack --mode production",
            {
                "webpack.config.js": "const H = require('html-webpack-plugin');\n"
                "module.exports = { output: { path: path.resolve(__dirname, 'out'), filename: 'x' } }"
            },
            "out",
        ),
    ],
)
def test_static_sites(script: str, files: dict[str, str | bytes], folder: str) -> None:
    found = output(script, files)
    assert (found.kind, found.folder, found.modules, found.unknown) == (Kind.STATIC, folder, False, ())
    assert found.places


@pytest.mark.parametrize(
    ("script", "files", "dependencies", "folder", "entry", "modules"),
    [
        ("next build", {}, {}, ".next", None, True),
        (
            "next build",
            {"next.config.mjs": "export default { output: 'standalone' }"},
            {},
            ".next/standalone",
            ".next/standalone/server.js",
            False,
        ),
        ("nuxt build", {}, {"nuxt": "^3.8"}, ".output", ".output/server/index.mjs", False),
        ("nuxt build", {}, {"nuxt": "2"}, ".nuxt", None, True),
        (
            "vite build",
            {"svelte.config.js": "import adapter from '@sveltejs/adapter-node'"},
            {"@sveltejs/kit": "2"},
            "build",
            "build/index.js",
            True,
        ),
        (
            "astro build",
            {
                "astro.config.mjs": "import node from '@astrojs/node'\n"
                "export default { output: 'server', adapter: node() }"
            },
            {},
            "dist",
            "dist/server/entry.mjs",
            True,
        ),
        ("react-router build", {}, {}, "build", None, True),
    ],
)
def test_servers(
    script: str,
    files: dict[str, str | bytes],
    dependencies: dict[str, str],
    folder: str,
    entry: str | None,
    modules: bool,
) -> None:
    found = output(script, files, **dependencies)
    assert (found.kind, found.folder, found.entry, found.modules) == (Kind.SERVER, folder, entry, modules)
    assert found.unknown == ()


@pytest.mark.parametrize(
    ("script", "files", "folder"),
    [
        ("tsc", {"tsconfig.json": '{ "compilerOptions": { "outDir": "./dist", /* c */ } }'}, "dist"),
        ("tsc -p cfg", {"cfg/tsconfig.json": '{ "compilerOptions": { "outDir": "../out" } }'}, "out"),
        ("tsc", {"tsconfig.json": "{}"}, ""),
        ("tsc --outDir x", {}, "x"),
        ("nest build", {"tsconfig.json": '{"compilerOptions": {"outDir": "./dist"}}', "nest-cli.json": "{}"}, "dist"),
        ("babel src -d lib", {}, "lib"),
        ("esbuild a.ts --platform=node --outfile=out/a.js", {}, "out"),
    ],
)
def test_compiled_code(script: str, files: dict[str, str | bytes], folder: str) -> None:
    found = output(script, files)
    assert (found.kind, found.folder, found.unknown) == (Kind.CODE, folder, ())


@pytest.mark.parametrize(
    ("script", "files"),
    [
        ("vite build", {}),
        ("vite build --ssr src/server.ts", {"index.html": ""}),
        ("vite build", {"index.html": "", "vite.config.ts": "export default { build: { outDir: process.env.OUT } }"}),
        ("vite build", {"index.html": "", "vite.config.ts": "export default mergeConfig(base, {})"}),
        ("vite build --outDir ../x", {"index.html": ""}),
        ("BUILD_PATH=x react-scripts build", {}),
        ("react-scripts build", {".env.production": "BUILD_PATH=./x"}),
        ("ng build", {}),
        ("ng build", {"angular.json": "{}"}),
        ("ng build", {"angular.json": '{"projects": {"a": {}, "b": {}}}'}),
        ("next build", {"next.config.js": "module.exports = { output: process.env.X ? 'export' : undefined }"}),
        ("next build", {"next.config.js": "module.exports = { ...base }"}),
        ("nuxt build", {}),
        ("tsc", {"tsconfig.json": '{ "extends": "@tsconfig/node20" }'}),
        ("tsc", {"tsconfig.json": "{ not json"}),
        ("nest build", {}),
        ("rollup -c", {}),
        ("astro build", {"astro.config.mjs": "export default { adapter: vercel() }"}),
    ],
)
def test_what_cannot_be_told_is_said(script: str, files: dict[str, str | bytes]) -> None:
    found = output(script, files)
    assert found.unknown
    assert found.folder is None or found.kind is not Kind.STATIC


@pytest.mark.parametrize("script", ["vite", "next dev", "react-scripts start", "tsc --noEmit", "vue-tsc", "eslint ."])
def test_what_builds_nothing(script: str) -> None:
    assert build(script).outputs == ()


def test_the_application_beside_a_type_check() -> None:
    found = build("tsc && vite build && cp a b", {"index.html": "", "tsconfig.json": "{}"})
    assert found.application is not None and found.application.tool == "vite"
    assert [one.program for one in found.others] == ["cp"]
    assert build("make").application is None
    assert build("npm run absent").unknown
