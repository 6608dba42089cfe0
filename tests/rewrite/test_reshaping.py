"""A stage may become two only if nothing of it is lost and the image is configured as before."""

from __future__ import annotations

import pytest

from slimify.rewrite.reshaping import reshaping_fault, same_configuration
from slimify.semantics.build import Build, analyse
from slimify.syntax.dockerfile import parse
from slimify.syntax.source import Source

BEFORE = """FROM python:3.12
ARG REVISION
LABEL revision=$REVISION
ENV A=1
WORKDIR /app
RUN pip install flask
COPY . .
USER web
CMD ["python", "app.py"]
"""
AFTER = """FROM python:3.12 AS build
ENV A=1
WORKDIR /app
RUN python -m venv /v
RUN pip install flask

FROM python:3.12-slim
ARG REVISION
LABEL revision=$REVISION
ENV A=1
WORKDIR /app
COPY --from=build /v /v
ENV PATH=/v/bin:$PATH
COPY . .
USER web
CMD ["python", "app.py"]
"""
BRINGS = ("RUN python -m venv /v", "COPY --from=build /v /v", "ENV PATH=/v/bin:$PATH")


def build(text: str) -> Build:
    return analyse(parse(Source(text)))


def test_a_split_that_keeps_everything() -> None:
    assert reshaping_fault(build(BEFORE), build(AFTER), BRINGS) == ""
    lower = AFTER.replace("COPY --from", "copy --from").replace("\n", "\r\n")
    assert reshaping_fault(build(BEFORE.replace("\n", "\r\n")), build(lower), BRINGS) == ""


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("RUN pip install flask\n", "", "is gone"),
        ("RUN pip install flask\n", "RUN pip install flask django\n", "RUN is new"),
        ("COPY . .\nUSER web\n", "USER web\nCOPY . .\n", "out of its order"),
        ("USER web\n", "", "is gone"),
        ("USER web\n", "USER root\n", "USER is new"),
        ('CMD ["python", "app.py"]\n', 'CMD ["python", "app.py"]\nEXPOSE 80\n', "EXPOSE is new"),
        ("ENV PATH=/v/bin:$PATH\n", "", "is missing"),
        ("FROM python:3.12 AS build", "FROM python:3.12", "no name of its own"),
        ("FROM python:3.12 AS build", "FROM python:3.13 AS build", "does not stand on the base"),
        ("FROM python:3.12-slim\n", "FROM build\n", "does not stand on the base"),
        ("FROM python:3.12-slim\n", "FROM python:3.12-slim AS app\n", "changed its name"),
    ],
)
def test_what_is_lost_or_new_is_noticed(old: str, new: str, why: str) -> None:
    assert why in reshaping_fault(build(BEFORE), build(AFTER.replace(old, new)), BRINGS)


def test_one_stage_more_and_no_other_number() -> None:
    assert reshaping_fault(build(BEFORE), build(BEFORE), ()) == "not exactly one stage is new"


def test_a_stage_that_is_called_by_its_number() -> None:
    before = "FROM alpine AS a\nFROM python:3.12\nCOPY --from=1 /a /a\n"
    after = "FROM alpine AS a\nFROM python:3.12 AS build\nFROM python:3.12-slim\nCOPY --from=1 /a /a\n"
    assert "number" in reshaping_fault(build(before), build(after), ())


def test_the_configuration_alone() -> None:
    assert same_configuration(build(BEFORE), build(AFTER), BRINGS) == ""
    assert same_configuration(build(BEFORE), build(AFTER)) != ""
    for old, new in (
        ("ENV A=1\nWORKDIR /app\nCOPY --from", "ENV A=2\nWORKDIR /app\nCOPY --from"),
        ("WORKDIR /app\nCOPY --from", "WORKDIR /srv\nCOPY --from"),
        ("FROM python:3.12-slim\nARG REVISION\n", "FROM python:3.12-slim\n"),
        ('CMD ["python", "app.py"]', "CMD python app.py"),
        ("USER web", "USER 1000"),
    ):
        assert old in AFTER
        assert same_configuration(build(BEFORE), build(AFTER.replace(old, new)), BRINGS) != ""
