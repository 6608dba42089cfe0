"""The pages show what the transforms really do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from slimify.transforms import PIPELINE

from slimify.context.tree import open_context
from slimify.rewrite.edit import Level
from slimify.rewrite.pipeline import Options, Transform, fix
from slimify.syntax.source import Source

# What the build context of a page's example holds, for transforms that look at one.
CONTEXTS = {
    "split-stage": {
        "requirements.txt": "Flask==3.0.3\ngunicorn==22.0.0\npsycopg2==2.9.9\n",
        "shop.py": "import psycopg2\nfrom flask import Flask\n\napp = Flask(__name__)\n",
    }
}
PAGES = Path(__file__).parent.parent.parent / "transforms" / "pages"


@pytest.mark.parametrize("transform", PIPELINE, ids=lambda one: one.name)
def test_before_becomes_after(transform: Transform, tmp_path: Path) -> None:
    page = (PAGES / f"{transform.name}.md").read_text(encoding="utf-8")
    before, after = re.findall(r"```dockerfile\n(.*?)```", page, re.DOTALL)
    options = Options(level=max(transform.level, Level.STANDARD), only=(transform.name,))
    files = CONTEXTS.get(transform.name, {})
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    context = open_context(str(tmp_path)) if files else None
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
