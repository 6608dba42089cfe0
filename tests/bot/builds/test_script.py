from __future__ import annotations

import pytest

from slimify.bot.builds.holes import shown
from slimify.bot.builds.named import Named
from slimify.bot.builds.script import Shell, read_script


def builds(text: str) -> list[str]:
    """Each build of a script in `ci/`: its line, Dockerfiles, context, and what else is said."""
    made = []
    for one in read_script(text, Shell("", {}, "ci"), "ci/x.sh", 1):
        if isinstance(one, Named):
            parts = [f"{one.place.line}:", shown("|".join(one.dockerfiles[:1])), shown(one.context) or "."]
            parts += [f"target={shown(one.target)}"] if one.target else []
            parts += [name if value is None else f"{name}={value}" for name, value in one.build_args]
            made.append(" ".join(parts))
        else:
            made.append(f"{one.line}: {one.why}")
    return made


@pytest.mark.parametrize(
    "text",
    [
        "echo docker build .",
        "docker run build .",
        "docker compose build",
        "docker build - < Dockerfile",
        "docker build https://github.com/a/b.git#main",
        "docker build git@github.com:a/b.git",
        "npm run build docker",
        "docker buildx bake",
        "# docker build .",
        "docker build",
        "cat <<EOF\ndocker build .\nEOF\n",
    ],
)
def test_no_build(text: str) -> None:
    assert builds(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker build .", ["1: Dockerfile ."]),
        ("docker build -t a -f docker/x --target=b app", ["1: docker/x app target=b"]),
        ("docker build app -qfx --no-cache --pull", ["1: x app"]),
        ("docker -H tcp://x buildx build --platform a,b --push app/", ["1: app/Dockerfile app"]),
        ("docker image build --build-arg A=1 --build-arg B --build-arg 'C=x y' .", ["1: Dockerfile . A=1 B C=x y"]),
        ("podman build -f x app", ["1: x app"]),
        ("podman build", ["1: Containerfile ."]),
        ("sudo -E env DOCKER_BUILDKIT=1 docker build app", ["1: app/Dockerfile app"]),
        ("buildah bud -f x .", ["1: x ."]),
        ("nerdctl build -n x app", ["1: app/Dockerfile app"]),
        ('/kaniko/executor --context "$CI_PROJECT_DIR/app" --dockerfile d/x --target t', ["1: d/x app target=t"]),
        ("az acr build -r x -t y -f d/x app", ["1: app/d/x app"]),
        ("cd app && docker build .", ["1: app/Dockerfile app"]),
        ("(cd app; docker build .); docker build .", ["1: app/Dockerfile app", "1: Dockerfile ."]),
        ("pushd app\ndocker build .\npopd\n", ["2: app/Dockerfile app"]),
        ('cd "$(dirname "$0")/.."\ndocker build app', ["2: app/Dockerfile app"]),
        ('D="$( cd "$( dirname "${BASH_SOURCE[0]}" )" && pwd )"\ndocker build "$D"', ["2: ci/Dockerfile ci"]),
        ("R=$(git rev-parse --show-toplevel)\ncd x\ndocker build $R/app", ["3: app/Dockerfile app"]),
        ("docker build $(pwd)/app", ["1: app/Dockerfile app"]),
        ("D=app\ndocker build ${D} ${E:-}", ["2: app/Dockerfile app"]),
        ("docker build ${D:-app}", ["1: app/Dockerfile app"]),
        ("docker build '$D'", ["1: $D/Dockerfile $D"]),
        ("docker build $D", ["1: {D}/Dockerfile {D}"]),
        ("if x; then D=a; fi\ndocker build $D", ["2: {D}/Dockerfile {D}"]),
        ("for d in a b; do docker build $d; done", ["1: a/Dockerfile a", "1: b/Dockerfile b"]),
        ("for d in */; do docker build $d; done", ["1: {d}/Dockerfile {d}"]),
        ("O='-f x --target y'\ndocker build $O .", ["2: x . target=y"]),
        ("docker build $OPTIONS .", ["1: Dockerfile ."]),
        ("docker build \\\n  -t x \\\n  app\ndocker build .", ["1: app/Dockerfile app", "4: Dockerfile ."]),
        ("I=$(docker build -q app)", ["1: app/Dockerfile app"]),
        ("bash -c 'cd app && docker build .'", ["1: app/Dockerfile app"]),
        ("f() {\n  docker build app | tee log\n}", ["2: app/Dockerfile app"]),
        ("docker build ../x", ["1: the context ../x is outside of the repository"]),
        ("docker build /srv/x", ["1: the context /srv/x is outside of the repository"]),
        ("if x\ndocker build app", ["2: app/Dockerfile app"]),
        ("if x\ndocker build $(app", ["2: a command that builds is not understood"]),
    ],
)
def test_build(text: str, expected: list[str]) -> None:
    assert builds(text) == expected
