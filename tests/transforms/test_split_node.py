"""split-stage for Node: what golden cases cannot show."""

from __future__ import annotations

import json

import pytest

import slimify
from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome

TYPESCRIPT = {"typescript": "^5.4.5", "@types/node": "^20.12.7"}
TEXT = """FROM node:20-alpine
WORKDIR /app
COPY package*.json ./
RUN npm ci
COPY . .
RUN npm run build
CMD ["node", "dist/server.js"]
"""
TOOLS = """FROM node:20-alpine
WORKDIR /app
RUN apk add --no-cache python3 make g++
COPY package*.json ./
RUN npm ci
COPY . .
CMD ["node", "server.js"]
"""
PAGE = """FROM node:20
WORKDIR /app
COPY . .
RUN npm ci
RUN npm run build
RUN npm install -g serve
CMD ["serve", "-s", "dist"]
"""


def project(
    dependencies: dict[str, str] | None = None,
    development: dict[str, str] | None = None,
    scripted: tuple[str, ...] = (),
    **scripts: str,
) -> dict[str, str]:
    """A package with its lock file, and sources."""
    dependencies = dependencies or {"express": "^4.19.2"}
    development = TYPESCRIPT if development is None else development
    manifest = {"name": "shop", "dependencies": dependencies, "devDependencies": development, "scripts": scripts}
    packages: dict[str, object] = {"": {}}
    for names, dev in ((dependencies, {}), (development, {"dev": True})):
        for name, wanted in names.items():
            script = {"hasInstallScript": True} if name in scripted else {}
            packages[f"node_modules/{name}"] = {"version": wanted.lstrip("^~"), **dev, **script}
    return {
        "package.json": json.dumps(manifest),
        "package-lock.json": json.dumps({"lockfileVersion": 3, "packages": packages}),
        "server.js": "require('express')\n",
        "src/server.ts": "import express from 'express'\n",
        "tsconfig.json": '{"compilerOptions": {"outDir": "dist"}}',
    }


APP = project(build="tsc", start="node dist/server.js")
NATIVE = project({"express": "^4.19.2", "bcrypt": "5.1.1"}, {}, ("bcrypt",))
SITE = {
    **project({"vue": "^3.4.27"}, {"vite": "^5.2.11"}, build="vite build"),
    "index.html": "<!doctype html>\n",
    "src/main.js": "import { createApp } from 'vue'\n",
}


def run(text: str = TEXT, files: dict[str, str] | None = None, **more: str) -> Outcome:
    context = MemoryContext({**(APP if files is None else files), **more})
    return slimify.fix(text, context=context, only=["split-stage"])


def reasons(outcome: Outcome) -> str:
    assert not outcome.changed
    return "; ".join(one.reason for one in outcome.notices)


def test_the_three_shapes() -> None:
    assert "npm prune --omit=dev" in run().after.text
    assert "apk" not in run(TOOLS, NATIVE).after.text.rpartition("FROM")[2]
    assert "node_modules" not in run(PAGE, SITE).after.text


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("RUN npm ci", "RUN npm ci\nRUN npm install lodash", "installs what no lock file names"),
        ("RUN npm run build", "RUN npm --prefix web run build", "works in another folder"),
        ("RUN npm run build", "RUN npm run build && cp -r dist /srv", "neither a plain install nor a set-up"),
        ("RUN npm run build", "RUN npm run build || true", "on conditions"),
        ("RUN npm run build", "RUN npm config set prefix /opt/npm && npm run build", "may change where something lies"),
        ("RUN npm run build", "RUN npm run build $WHAT", "depends on a variable"),
        ("RUN npm run build", "RUN BUILD_PATH=/srv npm run build", "BUILD_PATH in front of a command"),
        ("RUN npm run build", "VOLUME /app/dist\nRUN npm run build", "below a VOLUME"),
        ("RUN npm run build", "RUN chown -R node /app\nUSER node\nRUN npm run build", "owners or modes are changed"),
        ("RUN npm run build", "USER node\nRUN npm run build", "whose group is not known"),
        ("RUN npm run build", "WORKDIR /app/src\nRUN npm run build", "in another folder than that of package.json"),
        ('["node", "dist/server.js"]', '["node", "--watch", "dist/server.js"]', "as for development"),
        ('["node", "dist/server.js"]', '["sh"]', "only a shell"),
        ('["node", "dist/server.js"]', '["crond", "-f"]', "in ways of its own"),
        ('["node", "dist/server.js"]', '["npx", "ts-node", "src/server.ts"]', "runs npx"),
        ('CMD ["node", "dist/server.js"]', "", "not told what to run"),
        ("COPY . .", "COPY . .\nENV NODE_ENV=development", "NODE_ENV is development"),
        ("COPY . .", "COPY . .\nENV NODE_OPTIONS=--require=./x.js", "NODE_OPTIONS may load more"),
    ],
)
def test_what_is_not_known_is_refused(old: str, new: str, reason: str) -> None:
    assert old in TEXT
    found = reasons(run(TEXT.replace(old, new)))
    assert reason in found or (reason == "runs npx" and "ts-node" in found)


@pytest.mark.parametrize(
    ("scripts", "reason"),
    [
        ({"build": "tsc", "postinstall": "node scripts/fetch.js"}, "what node writes is not known"),
        ({"build": "gulp build"}, "gulp runs tasks"),
        ({"build": "tsc --outDir ../out"}, "lies outside the context"),
        ({"build": "tsc && cp -r views /srv/views"}, "cp may write outside of the project"),
        ({"build": "prisma generate && tsc"}, "reads a schema that is not known"),
        ({}, "there is no script build"),
    ],
)
def test_scripts_that_write_elsewhere(scripts: dict[str, str], reason: str) -> None:
    development = {**TYPESCRIPT, "gulp": "^4.0.0", "prisma": "5.14.0"}
    assert reason in reasons(run(TEXT, project(None, development, **scripts)))


def test_what_an_install_builds_is_copied_as_well() -> None:
    text = TEXT.replace("COPY package*.json ./\nRUN npm ci\nCOPY . .\nRUN npm run build", "COPY . .\nRUN npm ci")
    after = run(text, project(prepare="tsc")).after.text
    assert "COPY --from=build /app/dist /app/dist" in after
    assert "husky" not in after


def test_where_the_context_has_an_older_output_all_is_copied() -> None:
    more = {"dist/old.js": "", "src/server.ts": APP["src/server.ts"]}
    after = run(TEXT.replace('dist/server.js"', 'dist/index.js"'), **{**more, "src/index.ts": ""}).after.text
    assert "COPY --from=build /app /app\n" in after
    assert "COPY . ." not in after.rpartition("FROM")[2]


def test_packages_that_the_context_holds() -> None:
    assert "node_modules of the build context" in reasons(run(**{"node_modules/left/index.js": ""}))
    after = run(TOOLS.replace("COPY package*.json ./", "COPY . ."), NATIVE, **{"node_modules/a/i.js": ""}).after.text
    assert "COPY --from=build /app /app\n" in after


def test_development_dependencies_are_installed_in_spite_of_the_mode() -> None:
    mode = "WORKDIR /app\nENV NODE_ENV=production"
    after = run(TEXT.replace("WORKDIR /app", mode).replace("npm ci", "npm ci --include=dev")).after.text
    assert "npm prune --omit=dev" in after
    assert "nothing is compiled" in reasons(run(TEXT.replace("WORKDIR /app", mode)))


def test_old_npm_has_another_option() -> None:
    files = {**APP, "package-lock.json": APP["package-lock.json"]}
    assert "npm prune --production" in run(TEXT.replace("20-alpine", "14-alpine"), files).after.text


def test_options_that_decide_what_fits_together_are_carried() -> None:
    after = run(TEXT.replace("npm ci", "npm ci --legacy-peer-deps")).after.text
    assert "npm prune --omit=dev --legacy-peer-deps" in after


def test_a_user_cannot_install_what_is_needed() -> None:
    files = {**project({"express": "^4.19.2", "pg-native": "^3.1.0", "libpq": "^1.8.13"}, {}, ("libpq",))}
    text = TOOLS.replace("RUN apk add --no-cache python3 make g++\n", "USER node\n").replace("-alpine", "")
    assert "behind a USER" in reasons(run(text, files))
    after = run(text.replace("USER node\n", ""), files).after.text
    assert "libpq5" in after.rpartition("FROM")[2]


def test_libraries_that_headers_stand_for() -> None:
    text = TOOLS.replace("g++", "g++ libpq-dev openssl-dev")
    assert "apk add --no-cache libpq\n" in run(text, NATIVE).after.text
    assert "which library goes with libfoo-dev" in reasons(run(text.replace("libpq-dev", "libfoo-dev"), NATIVE))


def test_a_page_with_files_of_its_own() -> None:
    for old, new in (
        ('"-s", "dist"', '"-c", "serve.json", "dist"'),
        ('"dist"', '"public"'),
        ("CMD", "HEALTHCHECK CMD node check.js\nCMD"),
    ):
        after = run(PAGE.replace(old, new), SITE, **{"public/a.txt": "", "check.js": ""}).after.text
        shipped = after.rpartition("FROM")[2]
        assert "COPY . ." in shipped
        assert "/app/node_modules" in shipped


def test_a_page_that_compose_builds_for_development() -> None:
    compose = "services:\n  web:\n    command: npm run dev\n"
    assert "other files of the context" in reasons(run(PAGE, SITE, **{"docker-compose.yml": compose}))


def test_a_manager_that_corepack_fetches() -> None:
    text = TEXT.replace("npm ci", "corepack enable && yarn install").replace("package*.json", "package.json yarn.lock")
    text = text.replace("npm run", "yarn").replace('["node", "dist/server.js"]', '["yarn", "start"]')
    lock = '# yarn lockfile v1\n\nexpress@^4.19.2:\n  version "4.19.2"\n'
    assert "corepack fetches" in reasons(run(text, **{"yarn.lock": lock}))


def test_yarn_2_and_pnpm_stores_are_left() -> None:
    text = TEXT.replace("npm ci", "yarn install").replace("package*.json", "package.json yarn.lock")
    berry = '__metadata:\n  version: 8\n\n"express@npm:^4.19.2":\n  version: 4.19.2\n'
    assert "Yarn 2 and later" in reasons(run(text, **{"yarn.lock": berry}))


def test_compiled_files_of_the_context() -> None:
    text = TOOLS.replace("RUN apk add --no-cache python3 make g++\n", "").replace("-alpine", "")
    assert run(text, NATIVE).changed
    assert "addon.node may need libraries" in reasons(run(text, NATIVE, **{"addon.node": "x"}))


def test_files_that_a_slim_image_lacks() -> None:
    text = TOOLS.replace("RUN apk add --no-cache python3 make g++\n", "").replace("-alpine", "")
    text = text.replace("CMD", "ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt\nCMD")
    assert "/etc/ssl is named" in reasons(run(text, NATIVE))


def test_global_packages_go_where_they_are_called() -> None:
    ready = PAGE.replace("COPY . .", "RUN npm install -g vite serve\nCOPY . .").replace("npm run build", "vite build")
    ready = ready.replace("RUN npm install -g serve\n", "")
    build, _, shipped = run(ready, SITE).after.text.rpartition("FROM")
    assert "RUN npm install -g vite serve" in build
    assert "RUN npm install -g vite serve" in shipped
    late = TEXT.replace("CMD", "RUN npm install -g http-server\nCMD")
    assert "http-server" in run(late).after.text.rpartition("FROM")[2]


def test_a_global_package_that_may_be_compiled() -> None:
    text = PAGE.replace("install -g serve", "install -g shop-server").replace('"serve", "-s"', '"shop-server"')
    assert "what shop-server needs to be installed is not known" in reasons(run(text, SITE))


def test_locks_that_do_not_tell_of_scripts() -> None:
    text = TOOLS.replace("RUN apk add --no-cache python3 make g++\n", "").replace("-alpine", "")
    text = text.replace("npm ci", "yarn install").replace("package*.json", "package.json yarn.lock")
    lock = (
        '# yarn lockfile v1\n\nbcrypt@5.1.1:\n  version "5.1.1"\n  dependencies:\n    nopt "^5.0.0"\n\n'
        'express@^4.19.2:\n  version "4.19.2"\n\nnopt@^5.0.0:\n  version "5.0.0"\n'
    )
    assert "COPY --from=build /app/node_modules" in run(text, NATIVE, **{"yarn.lock": lock}).after.text
    native = lock.replace('  version "5.0.0"\n', '  version "5.0.0"\n  dependencies:\n    nan "^2.0.0"\n')
    assert "nopt 5.0.0 may run a script" in reasons(run(text, NATIVE, **{"yarn.lock": native}))
    unknown = lock.replace("nopt", "our-own-options")
    assert "our-own-options 5.0.0 may run a script" in reasons(run(text, NATIVE, **{"yarn.lock": unknown}))


def test_a_server_that_brings_its_packages() -> None:
    files = project({"nuxt": "^3.11.2"}, {}, build="nuxt build", postinstall="nuxt prepare")
    text = TEXT.replace("dist/server.js", ".output/server/index.mjs").replace("-alpine", "")
    after = run(text, files).after.text.rpartition("FROM")[2]
    assert "COPY --from=build /app/.output /app/.output" in after
    assert "node_modules" not in after


def test_what_the_user_prunes_is_pruned() -> None:
    text = TEXT.replace("RUN npm ci\nCOPY . .\nRUN npm run build", "COPY . .\nRUN npm ci && npm run build && npm prune")
    assert "nothing is compiled" in reasons(run(text))


def test_which_pnpm_corepack_takes() -> None:
    files = {**APP, "pnpm-lock.yaml": PNPM}
    text = TEXT.replace("npm ci", "corepack enable && pnpm install").replace("package*.json", "package.json *.yaml")
    text = text.replace("npm run build", "pnpm build")
    assert "how the manager removes" in reasons(run(text, files))
    assert "pnpm prune" in run(text.replace("enable", "prepare pnpm@9 --activate"), files).after.text
    mounted = text.replace("RUN corepack", "RUN --mount=type=cache,target=/pnpm corepack").replace(
        "enable", "prepare pnpm@9 --activate"
    )
    assert "its store is another one" in reasons(run(mounted, files))


PNPM = """lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      express:
        specifier: ^4.19.2
        version: 4.19.2

packages:

  express@4.19.2:
    resolution: {integrity: sha512-c}

  '@types/node@20.12.7':
    resolution: {integrity: sha512-b}

  typescript@5.4.5:
    resolution: {integrity: sha512-d}
"""


@pytest.mark.parametrize(
    "command", ["npm prune --production", "npm ci --omit=dev", "rm -rf node_modules\nRUN npm ci --omit=dev"]
)
def test_what_the_user_removes_in_a_later_layer(command: str) -> None:
    dynamic = "require(process.argv[2])\n"
    after = run(TEXT.replace("CMD", f"RUN {command}\nCMD"), **{"src/other.js": dynamic}).after.text
    build, _, shipped = after.rpartition("FROM")
    assert command in build
    assert "omit=dev" not in shipped
    assert "COPY --from=build /app/node_modules /app/node_modules" in shipped


def test_packages_with_scripts_that_nobody_knows() -> None:
    unknown = project({"express": "^4.19.2", "shop-addon": "1.0.0"}, {}, ("shop-addon",))
    assert run(TOOLS, unknown).changed
    full = TOOLS.replace("RUN apk add --no-cache python3 make g++\n", "").replace("-alpine", "")
    assert "shop-addon 1.0.0 runs a script" in reasons(run(full, unknown))
    browser = project({"express": "^4.19.2", "shop-chrome": "1.0.0"}, {}, ("shop-chrome",))
    assert "shop-chrome 1.0.0 runs a script" in reasons(run(TOOLS, browser))


def test_what_only_tells_something_goes_with_the_build() -> None:
    told = TEXT.replace("RUN npm ci", "RUN node -v && npm -v\nRUN npm ci\nRUN ls -la").replace(
        "CMD", "RUN ls dist\nCMD"
    )
    shipped = run(told).after.text.rpartition("FROM")[2]
    assert "-v" not in shipped
    assert shipped.index("COPY --from=build /app/dist") < shipped.index("RUN ls dist")


def test_settings_of_the_manager_come_along() -> None:
    text = PAGE.replace("COPY . .", "RUN npm config set registry https://npm.example\nCOPY . .")
    assert run(text, SITE).after.text.count("npm config set registry") == 2
    text = PAGE.replace("RUN npm ci", "RUN npm config set fund false && npm install -g serve && npm ci")
    shipped = run(text.replace("RUN npm install -g serve\n", ""), SITE).after.text.rpartition("FROM")[2]
    assert "RUN npm config set fund false && npm install -g serve\n" in shipped


def test_files_for_development() -> None:
    context = MemoryContext(APP)
    outcome = slimify.fix(TEXT.replace("alpine\n", "alpine AS dev\n"), context=context, only=["split-stage"])
    assert "named as one for development" in reasons(outcome)


def test_a_browser_of_the_distribution() -> None:
    files = project({"express": "^4.19.2", "puppeteer": "^22.8.0"}, None, ("puppeteer",), build="tsc")
    text = TEXT.replace("WORKDIR", "RUN apk add --no-cache chromium\nENV PUPPETEER_SKIP_DOWNLOAD=true\nWORKDIR")
    shipped = run(text, files).after.text.rpartition("FROM")[2]
    assert "RUN apk add --no-cache chromium" in shipped
    assert "puts data into" in reasons(run(text.replace("=true", "=false"), files))


def test_packages_that_need_folders_of_manual_pages() -> None:
    text = TEXT.replace("-alpine", "-bookworm").replace(
        "WORKDIR", "RUN apt-get update && apt-get install -y X\nWORKDIR"
    )
    assert run(text.replace("X", "ffmpeg")).changed
    assert "folders of manual pages" in reasons(run(text.replace("X", "default-jre-headless")))


def test_releases_whose_packages_nobody_has_listed() -> None:
    text = TOOLS.replace("RUN apk add --no-cache python3 make g++\n", "").replace("20-alpine", "16")
    assert "FROM node:16-slim\n" in run(text, NATIVE).after.text
    checked = text.replace("CMD", "HEALTHCHECK CMD curl -f localhost\nCMD")
    assert "which packages are in node:16 is not known" in reasons(run(checked, NATIVE))
    added = text.replace("CMD", "RUN useradd shop\nUSER shop\nCMD")
    assert "which packages are in node:16 is not known" in reasons(run(added, NATIVE))
