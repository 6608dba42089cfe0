"""Every other file that is read: one case each shows what it is taken for."""

from __future__ import annotations

import json

import pytest

from tests.bot.builds.memory import found, lines, problems

FROM = "FROM alpine\n"
CASES: list[tuple[str, str, list[str]]] = [
    (
        ".devcontainer/devcontainer.json",
        """{
  // comment
  "build": {"dockerfile": "Dockerfile", "context": "..", "target": "dev", "args": {"A": "1", "B": "${localEnv:X}"},},
}""",
        [".devcontainer/Dockerfile . target=dev A=1 B @.devcontainer/devcontainer.json:3"],
    ),
    (".devcontainer.json", '{"dockerFile": "app/Dockerfile"}', ["app/Dockerfile . @.devcontainer.json:1"]),
    (
        ".devcontainer/py/devcontainer.json",
        '{"dockerFile": "Dockerfile", "context": "../.."}',
        [".devcontainer/py/Dockerfile . @.devcontainer/py/devcontainer.json:1"],
    ),
    (
        ".gitlab-ci.yml",
        """variables: {DIR: app}
default: {before_script: [cd $DIR]}
.base: {variables: {STAGE: prod}}
image:
  extends: .base
  parallel: {matrix: [{V: ["1", "2"]}]}
  script:
    - docker build --target $STAGE --build-arg V=$V .
kaniko:
  before_script: []
  image: {name: "gcr.io/kaniko-project/executor:debug", entrypoint: [""]}
  script:
    - >-
      /kaniko/executor --context "${CI_PROJECT_DIR}/app"
      --dockerfile "${CI_PROJECT_DIR}/docker/Dockerfile" --destination x
""",
        [
            "app/Dockerfile app target=prod V=1 @.gitlab-ci.yml:8",
            "app/Dockerfile app target=prod V=2 @.gitlab-ci.yml:8",
            "docker/Dockerfile app @.gitlab-ci.yml:13",
        ],
    ),
    (
        ".circleci/config.yml",
        """jobs:
  build:
    environment: {T: prod}
    steps:
      - run: docker build --target $T app
      - run:
          name: x
          working_directory: app
          command: |
            docker build -f d/Dockerfile << parameters.x >> .
      - run: {command: docker build .}
""",
        [
            "Dockerfile . @.circleci/config.yml:11",
            "app/Dockerfile app target=prod @.circleci/config.yml:5",
            "app/d/Dockerfile app @.circleci/config.yml:10",
        ],
    ),
    (".travis.yml", "script:\n  - cd app\n  - docker build .\n", ["app/Dockerfile app @.travis.yml:3"]),
    (
        ".drone.yml",
        "steps:\n  - image: plugins/docker\n    settings: {dockerfile: d/Dockerfile, target: x, build_args: [A=1]}\n",
        ["d/Dockerfile . target=x A=1 @.drone.yml:2"],
    ),
    (
        "azure-pipelines.yml",
        """variables: {dir: app}
steps:
  - task: Docker@2
    inputs: {command: buildAndPush, Dockerfile: $(Build.SourcesDirectory)/$(dir)/Dockerfile, arguments: --target x}
  - task: Docker@2
    inputs: {command: push, Dockerfile: x}
  - script: docker build $(dir)
""",
        [
            "app/Dockerfile app target=x @azure-pipelines.yml:3",
            "app/Dockerfile app @azure-pipelines.yml:7",
        ],
    ),
    (
        "cloudbuild.yaml",
        """steps:
  - name: gcr.io/cloud-builders/docker
    args: [build, -t, $_X, --build-arg, A=$_V, -f, d/Dockerfile, .]
  - name: gcr.io/kaniko-project/executor:latest
    args: ["--context=dir://app"]
  - name: gcr.io/cloud-builders/docker
    entrypoint: bash
    args: [-c, "docker build app --target y"]
substitutions: {_V: "1"}
""",
        [
            "app/Dockerfile app @cloudbuild.yaml:5",
            "app/Dockerfile app target=y @cloudbuild.yaml:8",
            "d/Dockerfile . A=1 @cloudbuild.yaml:3",
        ],
    ),
    (
        "skaffold.yaml",
        """build:
  artifacts:
    - image: a
      context: app
      docker: {dockerfile: d/Dockerfile, target: x, buildArgs: {A: "1", B: "{{.V}}"}}
    - {image: b, context: app, jib: {}}
profiles:
  - build: {artifacts: [{image: c}]}
""",
        ["Dockerfile . @skaffold.yaml:8", "app/d/Dockerfile app target=x A=1 B @skaffold.yaml:3"],
    ),
    (
        "sub/fly.toml",
        "[build]\ndockerfile = 'd/Dockerfile'\nbuild-target = 'x'\n[build.args]\nA = '1'\n",
        ["sub/d/Dockerfile sub target=x A=1 @sub/fly.toml"],
    ),
    (
        "render.yaml",
        "services:\n  - type: web\n    runtime: docker\n    rootDir: app\n    dockerfilePath: ./d/Dockerfile\n",
        ["app/d/Dockerfile app @render.yaml:2"],
    ),
    ("railway.json", '{\n "build": {"dockerfilePath": "/d/Dockerfile"}}', ["d/Dockerfile . @railway.json:2"]),
    (
        "heroku.yml",
        "build:\n  docker:\n    web: app/Dockerfile\n    x: {dockerfile: Dockerfile, target: t}\n  config: {A: 1}\n",
        ["Dockerfile . target=t A=1 @heroku.yml:4", "app/Dockerfile app A=1 @heroku.yml:3"],
    ),
    (
        ".do/app.yaml",
        "services:\n  - name: a\n    dockerfile_path: app/Dockerfile\n    source_dir: app\n",
        ["app/Dockerfile app @.do/app.yaml:3"],
    ),
    (
        "app/Makefile",
        "DOCKER ?= docker\nSTAGE := prod\nimage:\n\t@cd d && \\\n\t$(DOCKER) build --target $(STAGE) -t $(shell x) .\n",
        ["app/d/Dockerfile app/d target=prod @app/Makefile:4"],
    ),
    (
        "web/package.json",
        '{\n "scripts": {\n  "build": "vite",\n  "image": "docker build -t x -f Dockerfile .."}}',
        ["web/Dockerfile . @web/package.json:4"],
    ),
    (
        "justfile",
        'stage := "x"\n\nimage:\n    @docker build \\\n        --target {{stage}} app\n',
        ["app/Dockerfile app target=x @justfile:4"],
    ),
    (
        "Taskfile.yml",
        "vars: {S: x}\ntasks:\n  a:\n   dir: app\n   cmds:\n   - docker build --target {{.S}} .\n  b: docker build .",
        ["Dockerfile . @Taskfile.yml:7", "app/Dockerfile app target=x @Taskfile.yml:6"],
    ),
    ("ci/build.sh", "#!/bin/sh\ndocker build -f app/Dockerfile .\n", ["app/Dockerfile . @ci/build.sh:2"]),
]


@pytest.mark.parametrize(("path", "text", "expected"), CASES, ids=[path for path, _, _ in CASES])
def test_reader(path: str, text: str, expected: list[str]) -> None:
    named = {line.split()[0] for line in expected}
    builds = found({path: text, **dict.fromkeys(named, FROM), "app/x": ""})
    assert lines(builds) == expected
    assert problems(builds) == []


def test_devcontainer_names_a_compose_file() -> None:
    builds = found(
        {
            ".devcontainer/devcontainer.json": '{"dockerComposeFile": ["../dev.yml"], "service": "a"}',
            "dev.yml": "services:\n  a:\n    build: app\n",
            "app/Dockerfile": FROM,
        }
    )
    assert lines(builds) == ["app/Dockerfile app @dev.yml:3"]


def test_a_script_of_which_nobody_knows_where_it_is_started() -> None:
    files = {"ci/build.sh": "docker build .\n", "Dockerfile": FROM, "ci/Dockerfile": FROM}
    doubt = "the folder that its command runs in is not known"
    assert lines(found(files)) == [
        f"Dockerfile . @ci/build.sh:1 ? {doubt}",
        f"ci/Dockerfile ci @ci/build.sh:1 ? {doubt}",
    ]


def test_an_azure_task_that_looks_for_one() -> None:
    text = "steps:\n  - task: Docker@2\n"
    assert lines(found({"azure-pipelines.yml": text + "    inputs: {}\n", "app/Dockerfile": FROM})) == [
        "app/Dockerfile app @azure-pipelines.yml:2"
    ]


def test_one_build_is_named_once() -> None:
    files = {
        "compose.yaml": "services: {a: {build: .}, b: {build: .}}\n",
        "Makefile": "a:\n\tdocker build .\n",
        "package.json": json.dumps({"scripts": {"x": "docker build ."}}),
        "Dockerfile": FROM,
    }
    assert lines(found(files)) == ["Dockerfile . @compose.yaml:1"]


def test_a_dockerfile_that_is_made_is_not_missed() -> None:
    text = "services:\n  a: {build: a}\n  b: {build: b}\n  c: {build: dist}\n"
    assert problems(found({"compose.yaml": text, "a/Dockerfile.j2": FROM})) == [
        "compose.yaml:3: there is no b/Dockerfile"
    ]
