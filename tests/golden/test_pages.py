"""The pages show what the transforms really do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from slimify.transforms import PIPELINE

from slimify.context.memory import MemoryContext
from slimify.rewrite.edit import Level
from slimify.rewrite.pipeline import Options, Transform, fix
from slimify.syntax.source import Source

# What the examples of some pages are built from.
CONTEXTS = {
    "order-for-cache": MemoryContext({"requirements.txt": "flask==3.0.3\n", "main.py": ""}),
    "split-stage": MemoryContext(
        {
            "requirements.txt": "Flask==3.0.3\ngunicorn==22.0.0\npsycopg2==2.9.9\n",
            "shop.py": "import psycopg2\nfrom flask import Flask\n\napp = Flask(__name__)\n",
        }
    ),
}
PAGES = Path(__file__).parent.parent.parent / "transforms" / "pages"


@pytest.mark.parametrize("transform", PIPELINE, ids=lambda one: one.name)
def test_before_becomes_after(transform: Transform) -> None:
    page = (PAGES / f"{transform.name}.md").read_text(encoding="utf-8")
    before, after = re.findall(r"```dockerfile\n(.*?)```", page, re.DOTALL)
    # "```json package.json" is a file of the build context.
    files = dict(re.findall(r"```\w+ (\S+)\n(.*?)```", page, re.DOTALL))
    context = MemoryContext(files) if files else None
    options = Options(level=max(transform.level, Level.STANDARD), only=(transform.name,))
    context = context or CONTEXTS.get(transform.name)
    outcome = fix(Source(before), options, context)
    assert outcome.after.text == after
    assert not fix(outcome.after, options, context).changed


@pytest.mark.parametrize("transform", PIPELINE, ids=lambda one: one.name)
def test_a_page_says_all_that_a_reader_needs(transform: Transform) -> None:
    page = (PAGES / f"{transform.name}.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## (.*)$", page, re.MULTILINE)
    assert sections == ["Problem", "Before", "After", "When it does not fire", "Switching it off", "References"]
    assert page.startswith(f"# {transform.name}\n")


def test_no_page_without_a_transform() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == {transform.name for transform in PIPELINE}
