from __future__ import annotations

import pytest

from tests.bot.builds.memory import found, lines, problems

FROM = "FROM alpine\n"


def job(steps: str, more: str = "") -> str:
    return f"on: push\njobs:\n  a:\n{more}    steps:\n{steps}"


def action(inputs: str) -> str:
    return f"      - uses: docker/build-push-action@v6\n        with: {{{inputs}}}\n"


AT = "@.github/workflows/a.yml"
CASES = {
    "the commit itself": (job("      - uses: docker/build-push-action@v6\n"), [f"Dockerfile . {AT}:5"]),
    "the commit with a file": (job(action("file: docker/web.Dockerfile")), [f"docker/web.Dockerfile . {AT}:5"]),
    "a folder of the commit": (
        job(action("context: '{{defaultContext}}:app', file: d/Dockerfile")),
        [f"app/d/Dockerfile app {AT}:5"],
    ),
    "a path": (
        job(
            action('context: ./app, file: docker/Dockerfile, target: prod, build-args: "A=1\\nB=${{ github.sha }}\\n"')
        ),
        [f"docker/Dockerfile app target=prod A=1 B {AT}:5"],
    ),
    "a path without a file": (job(action("context: app")), [f"app/Dockerfile app {AT}:5"]),
    "the workspace": (job(action("context: '${{ github.workspace }}/app'")), [f"app/Dockerfile app {AT}:5"]),
    "a script": (
        job(
            """      - working-directory: app
        run: |
          echo hello
          docker build -t x:${{ github.sha }} \\
            --build-arg V=$V .
        env: {V: 2}
""",
            "    env: {V: 1}\n",
        ),
        [f"app/Dockerfile app V=2 {AT}:9"],
    ),
    "the folder of all scripts": (
        job("      - run: docker build .\n", "    defaults: {run: {working-directory: app}}\n"),
        [f"app/Dockerfile app {AT}:6"],
    ),
    "a matrix": (
        job(
            action("context: '${{ matrix.dir }}', target: '${{ matrix.more.stage }}'"),
            """    strategy:
      matrix:
        dir: [app, web, old]
        exclude: [{dir: old}]
        include: [{dir: web, more: {stage: x}}, {dir: lib, more: {stage: y}}]
""",
        ),
        [
            f"app/Dockerfile app {AT}:10 ? its target {{matrix.more.stage}} is not constant",
            f"lib/Dockerfile lib target=y {AT}:10",
            f"web/Dockerfile web target=x {AT}:10",
        ],
    ),
    "checked out elsewhere": (
        job(
            "      - uses: actions/checkout@v4\n        with: {path: src}\n"
            "      - uses: actions/checkout@v4\n        with: {repository: a/b, path: other}\n"
            + action("context: src/app")
            + action("context: other")
        ),
        [f"app/Dockerfile app {AT}:9"],
    ),
    "Buildah": (
        job(
            "      - uses: redhat-actions/buildah-build@v2\n        with: {context: ., containerfiles: app/Dockerfile}"
        ),
        [f"app/Dockerfile . {AT}:5"],
    ),
    "another repository": (job(action("context: 'https://github.com/a/b.git'")), []),
    "nothing": (job("      - uses: actions/checkout@v4\n      - run: npm run build\n"), []),
}


@pytest.mark.parametrize("case", CASES)
def test_workflow(case: str) -> None:
    text, expected = CASES[case]
    named = {line.split()[0] for line in expected}
    builds = found({".github/workflows/a.yml": text, **dict.fromkeys(named, FROM), "app/x": ""})
    assert lines(builds) == expected
    assert problems(builds) == []


CALLED = """on:
  workflow_call:
    inputs:
      file: {type: string, required: true}
      dir: {type: string, default: app}
jobs:
  b:
    steps:
      - uses: docker/build-push-action@v6
        with: {context: "${{ inputs.dir }}", file: "${{ inputs.file }}"}
"""


def test_called_workflow() -> None:
    caller = "on: push\njobs:\n  a:\n    uses: ./.github/workflows/b.yml\n    with: {file: docker/Dockerfile}\n"
    builds = found(
        {
            ".github/workflows/a.yml": caller,
            ".github/workflows/b.yml": CALLED,
            "docker/Dockerfile": FROM,
            "app/x": "",
        }
    )
    assert lines(builds) == ["docker/Dockerfile app @.github/workflows/b.yml:9"]
    assert problems(builds) == []


def test_a_value_that_is_computed_is_found_where_the_sources_are() -> None:
    inputs = "context: 'svc/${{ matrix.s }}', file: 'svc/${{ matrix.s }}/Dockerfile'"
    text = job(action(inputs), "    strategy: {matrix: '${{ fromJSON(needs.x.outputs.y) }}'}\n")
    builds = found(
        {
            ".github/workflows/a.yml": text,
            "svc/a/Dockerfile": "FROM a\nCOPY main.py /\n",
            "svc/a/main.py": "",
            "svc/b/Dockerfile": "FROM a\nCOPY svc/b/main.py /\n",
            "svc/b/main.py": "",
        }
    )
    # The second is not built as the workflow would have it: what it copies is in another folder.
    assert lines(builds) == ["svc/a/Dockerfile svc/a @.github/workflows/a.yml:6", "svc/b/Dockerfile ."]


def test_a_dockerfile_that_nobody_can_know_is_told() -> None:
    builds = found(
        {".github/workflows/a.yml": job(action("context: ., file: '${{ inputs.file }}'")), "Dockerfile": FROM}
    )
    assert lines(builds) == ["Dockerfile ."]
    assert problems(builds) == [".github/workflows/a.yml:5: which Dockerfile {inputs.file} is, is not known"]


def test_actions() -> None:
    composite = "runs:\n  using: composite\n  steps:\n    - run: docker build ${{ inputs.x }} app\n      shell: bash\n"
    builds = found(
        {
            "action.yml": "runs:\n  using: docker\n  image: docker/Dockerfile\n",
            ".github/actions/a/action.yml": composite,
            "docker/Dockerfile": FROM,
            "app/Dockerfile": FROM,
        }
    )
    assert lines(builds) == [
        "app/Dockerfile app @.github/actions/a/action.yml:4",
        "docker/Dockerfile docker @action.yml:3",
    ]
