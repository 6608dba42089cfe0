"""Each face of an outcome: what it says about a tame one, and that a hostile one cannot do anything."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimify.report import common, github, markdown, sarif, terminal
from slimify.report import json as json_report
from slimify.rewrite.diff import annotated_diff, apply_patch, split_lines
from slimify.rewrite.outcome import Outcome
from slimify.syntax.source import BOM, Source

from ..rewrite.test_diff import lines_edit, outcome_of, outcomes
from .builder import EVIL, TEXT, hostile, silent, tame, unchanged

DIFF = """\
--- a/app/Dockerfile
+++ b/app/Dockerfile
@@ -1,7 +1,8 @@ merge-runs, modern-instructions
 FROM debian:12
-MAINTAINER me
-RUN apt-get update
-RUN apt-get install -y curl
+LABEL maintainer=me
+RUN apt-get update \\
+ && apt-get install -y curl \\
+ && rm -rf /var/lib/apt/lists/*
 COPY . /app
 WORKDIR /app
 RUN make
"""

REPORT = """\
app/Dockerfile:2: Write MAINTAINER as a LABEL
    MAINTAINER is deprecated.
    = modern-instructions, standard
app/Dockerfile:3-4: Join 2 RUN instructions
    The lists that the first leaves behind stay in its layer.
    3 | apt-get update fills /var/lib/apt/lists
      | apt keeps its lists (https://manpages.debian.org/apt-get)
    = merge-runs, safe, ~ 40 MB
app/Dockerfile:7: error: dropped: Join RUNs
    the new text does not parse
    = merge-runs
app/Dockerfile:7: warning: make is run without a cache mount
    Nothing is known about what it downloads.
      | make (GNU make)
    = clean-package-cache
app/Dockerfile: 2 changes, 1 error, 1 warning, ~ 40 MB smaller (estimated)
"""


# --- terminal ---


def test_terminal() -> None:
    assert terminal.render(tame(), color=False) == f"{DIFF}\n{REPORT}"
    assert terminal.render(tame(), color=False, diff=False) == REPORT


def test_terminal_shows_notes_on_demand() -> None:
    report = terminal.render(unchanged(), color=False, notes=True)
    assert "app/Dockerfile:7: note: RUN left alone\n    COPY stands between them\n    = merge-runs\n" in report
    assert "    7 | make (GNU make)\n" in report
    assert report.endswith("app/Dockerfile: nothing changed, 1 error, 1 warning, 1 note\n")
    assert "note:" not in terminal.render(unchanged(), color=False)


def test_terminal_has_nothing_to_say() -> None:
    assert terminal.render(silent(), color=True, notes=True) == ""


def test_terminal_colours_are_the_only_difference() -> None:
    colored = terminal.render(tame(), color=True)
    assert "\x1b[31m-MAINTAINER me\x1b[0m\n\x1b[31m-RUN apt-get update\x1b[0m\n" in colored
    assert "\x1b[32m+LABEL maintainer=me\x1b[0m\n" in colored
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == f"{DIFF}\n{REPORT}"


def test_terminal_spells_out_what_could_act_on_it() -> None:
    colored = terminal.render(hostile(), color=True)
    bare = re.sub(r"\x1b\[[\d;]*m", "", colored)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", bare)
    assert "\x1b[2J" not in colored
    assert "# ```` ~~~~ </details> @admin ^[[2J \\xfe ::error::x\n" in bare
    assert "-RUN a^Mb <U+202E>\n" in bare


def test_terminal_diff_without_colour_is_exact() -> None:
    outcome = hostile()
    report = terminal.render(outcome, color=False)
    assert report.startswith(annotated_diff(outcome))
    assert terminal.render_diff(outcome, color=False) == annotated_diff(outcome)
    assert not re.search("[\x1b\r\udcff]", report.removeprefix(annotated_diff(outcome)))


def test_terminal_does_not_import_rich() -> None:
    code = "import sys, slimify.report.terminal; print('rich' in sys.modules, 'difflib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


# --- JSON ---

SCHEMA: dict[str, Any] = json.loads(Path(json_report.__file__).with_name("report.schema.json").read_text("utf-8"))


def checked_json(*outcomes: Outcome) -> Any:
    document = json.loads(json_report.render(outcomes))
    validator = jsonschema.Draft202012Validator
    validator.check_schema(SCHEMA)
    validator(SCHEMA).validate(document)
    return document


def closed(schema: Any) -> Any:
    """The schema without room for keys that it does not describe."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {"additionalProperties": False} if schema.get("type") == "object" else {}
    return {**{key: closed(value) for key, value in schema.items()}, **shut}


def test_json() -> None:
    document = checked_json(tame(), unchanged())
    jsonschema.Draft202012Validator(closed(SCHEMA)).validate(document)
    first, second = document["files"]
    assert document["version"] == 1
    assert first["path"] == "app/Dockerfile"
    assert first["diff"] == DIFF
    assert first["diff_base64"] is None
    assert first["before"]["bytes"] == len(TEXT)
    assert first["changes"][0] == {
        "transform": "merge-runs",
        "level": "safe",
        "title": "Join 2 RUN instructions",
        "reason": "The lists that the first leaves behind stay in its layer.",
        "lines": [3, 4],
        "estimated_bytes_saved": 40123456,
        "evidence": [
            {"text": "apt-get update fills /var/lib/apt/lists", "line": 3, "source": None},
            {"text": "apt keeps its lists", "line": None, "source": "https://manpages.debian.org/apt-get"},
        ],
    }
    assert first["hunks"][0]["together"] == ["merge-runs", "modern-instructions"]
    assert first["hunks"][0]["changes"] == [0, 1]
    assert [notice["severity"] for notice in first["notices"]] == ["fault", "warning", "note"]
    assert second["after"] is None
    assert second["diff"] == ""
    assert second["notices"][1]["evidence"][0]["line"] == 7


def test_json_of_what_is_not_utf8() -> None:
    outcome = hostile()
    rendered = json_report.render([outcome])
    assert rendered.isascii()
    assert not re.search(r"\\ud[89a-f]", rendered.replace("\\\\", ""))
    one = checked_json(outcome)["files"][0]
    exact = base64.b64decode(one["diff_base64"]).decode("utf-8", "surrogateescape")
    assert apply_patch(outcome.before, exact).text == outcome.after.text


def test_json_keeps_the_standard_module() -> None:
    assert json_report.json is json
    code = "import slimify.report.json as one, json; assert one is not json and json.dumps"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- SARIF ---

SARIF_SCHEMA = Path(__file__).with_name("sarif-schema-2.1.0.json")


def described(name: str) -> sarif.Help:
    return sarif.Help(f"what {name} does", f"# {name}\n\nA page.\n")


def run_of(*outcomes: Outcome) -> Any:
    document = json.loads(sarif.render(outcomes, described))
    if SARIF_SCHEMA.exists():
        schema = json.loads(SARIF_SCHEMA.read_text("utf-8"))
        jsonschema.validators.validator_for(schema)(schema).validate(document)
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["message"]["text"]
        assert result["level"] in ("none", "note", "warning")
        assert (result["kind"] == "fail") == (result["level"] != "none")
        for location in result["locations"]:
            region = location["physicalLocation"]["region"]
            assert 1 <= region["startLine"] <= region["endLine"]
    return run


def test_sarif() -> None:
    run = run_of(tame())
    assert run["columnKind"] == "utf16CodeUnits"
    assert run["tool"]["driver"]["rules"][1] == {
        "id": "merge-runs",
        "shortDescription": {"text": "What merge-runs does."},
        "fullDescription": {"text": "What merge-runs does."},
        "defaultConfiguration": {"level": "note"},
        "help": {"text": "# merge-runs\n\nA page.\n", "markdown": "# merge-runs\n\nA page.\n"},
    }
    assert [result["level"] for result in run["results"]] == ["note", "note", "warning", "none"]
    first = run["results"][0]
    assert first["message"]["text"].startswith("Join 2 RUN instructions. The lists")
    assert first["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "app/Dockerfile"},
                "region": {"startLine": 3, "endLine": 4},
            }
        }
    ]
    assert first["properties"] == {"level": "safe", "lines": "3-4", "estimatedBytesSaved": 40123456}
    (change,) = first["fixes"][0]["artifactChanges"]
    assert change["replacements"][0]["deletedRegion"] == {
        "startLine": 2,
        "startColumn": 1,
        "endLine": 5,
        "endColumn": 1,
    }
    (fault,) = run["invocations"][0]["toolExecutionNotifications"]
    assert fault["level"] == "error"
    assert fault["associatedRule"] == {"id": "merge-runs", "index": 1}


def test_sarif_messages_have_no_placeholders_and_no_links() -> None:
    run = run_of(hostile())
    texts = [result["message"]["text"] for result in run["results"]]
    assert all("{{0}}" in text and "[x\\](https" in text for text in texts)
    location = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uri"] == "evil%20%2C%3A%25%60%7C%40x%FF%0A/Dockerfile"
    assert "fixes" not in run["results"][0]
    assert sarif.render([hostile()], described).isascii()


def test_sarif_paths() -> None:
    assert sarif._uri("./a//b c/Dockerfile") == "a/b%20c/Dockerfile"
    assert sarif._uri("/srv/Dockerfile") == "file:///srv/Dockerfile"


def test_sarif_fingerprints_survive_a_move_and_tell_twins_apart() -> None:
    text = "RUN a\nRUN b\nRUN a\n"
    edits = [("x", [lines_edit(text, 1, 1, "RUN c\n")]), ("x", [lines_edit(text, 3, 3, "RUN c\n")])]
    moved = "# new\n" + text
    shifted = [("x", [lines_edit(moved, 2, 2, "RUN c\n")]), ("x", [lines_edit(moved, 4, 4, "RUN c\n")])]
    prints = [
        [result["partialFingerprints"]["slimify/v1"] for result in run_of(outcome)["results"]]
        for outcome in (outcome_of(text, [edits]), outcome_of(moved, [shifted]))
    ]
    assert prints[0] == prints[1]
    assert len(set(prints[0])) == 2


def _start(replacement: dict[str, Any]) -> tuple[int, int]:
    region = replacement["deletedRegion"]
    return region["startLine"], region["startColumn"]


def replaced(text: str, replacements: list[dict[str, Any]]) -> str:
    """What an editor makes of SARIF replacements."""
    bom = BOM if text.startswith(BOM) else ""
    text = text.removeprefix(BOM)
    starts = Source(text).line_starts

    def offset(line: int, column: int) -> int:
        at = starts[line - 1]
        units = column - 1
        while units:
            units -= 2 if text[at] > "\uffff" else 1
            at += 1
        return at

    for one in sorted(replacements, key=_start, reverse=True):
        region = one["deletedRegion"]
        start = offset(region["startLine"], region["startColumn"])
        end = offset(region["endLine"], region["endColumn"])
        text = text[:start] + one["insertedContent"]["text"] + text[end:]
    return bom + text


@settings(deadline=None, max_examples=300)
@given(outcomes())
def test_sarif_fixes_make_the_new_text(outcome: Outcome) -> None:
    results = run_of(outcome)["results"]
    fixes = [fix for result in results for fix in result.get("fixes", ())]
    found = {json.dumps(one): one for fix in fixes for one in fix["artifactChanges"][0]["replacements"]}
    if common.is_clean(outcome.after.text) and _bom_stays(outcome):
        assert replaced(outcome.before.text, list(found.values())) == outcome.after.text


def _bom_stays(outcome: Outcome) -> bool:
    return outcome.before.text.startswith(BOM) == outcome.after.text.startswith(BOM)


@pytest.mark.parametrize(
    ("before", "line", "new", "end"),
    [
        ("a\nb\n", 2, "c\n", (2, 2)),
        ("a\r\nb\r\n", 2, "c\r\n", (2, 2)),
        ("a\nb\n", 2, "", (2, 2)),
        ("a\nb", 2, "c", (2, 2)),
        ("a\n\U0001f600b", 2, "c", (2, 4)),
        ("a\nb\n", 2, "c", (3, 1)),
    ],
)
def test_sarif_regions_stay_inside_the_file(before: str, line: int, new: str, end: tuple[int, int]) -> None:
    outcome = outcome_of(before, [[("x", [lines_edit(before, line, line, new)])]])
    (result,) = run_of(outcome)["results"]
    replacements = result["fixes"][0]["artifactChanges"][0]["replacements"]
    region = replacements[0]["deletedRegion"]
    assert (region["endLine"], region["endColumn"]) == end
    assert replaced(before, replacements) == outcome.after.text


# --- Markdown ---


def test_markdown() -> None:
    assert markdown.render([tame(), silent()]) == (
        "### slimify: `app/Dockerfile`\n\n"
        "| Lines | Change | Transform | Level | Saves (estimated) |\n"
        "| ---: | --- | --- | --- | ---: |\n"
        "| 2 | Write MAINTAINER as a LABEL | `modern-instructions` | standard |  |\n"
        "| 3-4 | Join 2 RUN instructions | `merge-runs` | safe | ~ 40 MB |\n"
        "| | **All** | | | **~ 40 MB** |\n\n"
        "#### `modern-instructions`\n\n"
        "**Write MAINTAINER as a LABEL** (line 2)\n\nMAINTAINER is deprecated.\n\n"
        "#### `merge-runs`\n\n"
        "**Join 2 RUN instructions** (lines 3-4)\n\nThe lists that the first leaves behind stay in its layer.\n\n"
        "- line 3: apt-get update fills `/var/lib/apt/lists`\n"
        "- apt keeps its lists (<https://manpages.debian.org/apt-get>)\n\n"
        "#### Errors of slimify\n\n- 7: **dropped: Join RUNs**: the new text does not parse (`merge-runs`)\n\n"
        "#### Warnings\n\n- 7: **make is run without a cache mount**: Nothing is known about what it downloads."
        " (`clean-package-cache`)\n  - make (`GNU make`)\n\n"
        "#### Notes\n\n- 7: **RUN left alone**: COPY stands between them (`merge-runs`)\n\n"
        f"```diff\n{DIFF}```\n"
    )
    assert markdown.render([silent()]) == "slimify found nothing to change.\n"


def outside_code(text: str) -> str:
    """What is left of Markdown without its code: by the rules of GFM 4.5 and 6.3."""
    text = re.sub(r"(?ms)^(`{3,})diff\n.*?^\1$", "", text)
    lines = []
    for line in text.split("\n"):
        kept, at = "", 0
        while at < len(line):
            if line[at] == "\\":
                kept, at = kept + line[at : at + 2], at + 2
                continue
            run = len(line) - at - len(line[at:].lstrip("`"))
            closing = re.search(rf"(?<!`)`{{{run}}}(?!`)", line[at + run :]) if run else None
            if closing:
                at += run + closing.end()
            else:
                kept, at = kept + line[at : at + max(run, 1)], at + max(run, 1)
        lines.append(kept)
    return "\n".join(lines)


def assert_harmless(text: str) -> None:
    left = outside_code(text)
    assert not re.search(r"@\w|#\d|GH-\d|\w!\d|[0-9a-f]{7}|\$|:\w+:", left), left
    assert not re.search(r"(?<!\\)[<\[`*_|~&](?!\*)", left), left
    assert not re.search(r"://|www\.", left), left
    assert not re.search(r"(?m)^\s*/", left)


def test_markdown_of_a_hostile_file_is_harmless() -> None:
    report = markdown.render([hostile()])
    assert "\n`````diff\n" in report
    assert report.rstrip().endswith("\n`````")
    left = outside_code(report)
    for evil in (
        "admin",
        "inner",
        "bar",
        "script>alert",
        "evil.example",
        "close",
        "deadbeef",
        "\x1b",
        "\u202e",
        "\udcff",
    ):
        if evil not in ("script>alert", "close"):
            assert evil not in left.replace("evil|", ""), evil
    assert "<script" not in left.replace("\\<script", "")
    report.encode("utf-8")


@given(st.text(alphabet="@#!$a1 `*_[]()<>|\\~&{}:/.-+=\n\r\tdeadbe", max_size=60))
def test_prose_is_harmless(text: str) -> None:
    shown = markdown.prose(text)
    assert "\n" not in shown
    assert_harmless(f"x {shown}")
    assert not re.match(r"[#>=+-]|\d+[.)]|\s", shown)


@given(st.text(alphabet="`a \\|\n", max_size=30))
def test_code_is_one_code_span(text: str) -> None:
    assert outside_code(f"<{markdown.code(text)}>").strip() == "<>"


def test_a_backslash_and_a_bar_do_not_end_a_cell() -> None:
    table = next(line for line in markdown.render([hostile()]).split("\n") if line.startswith("| 3 |"))
    assert table.count("|") == 6


def test_a_long_report_is_cut() -> None:
    text = "".join(f"RUN {i}\n" for i in range(5000))
    outcome = outcome_of(text, [[("x", [lines_edit(text, 1, 4990, "RUN x\n")])]])
    report = markdown.render([outcome], limit=5000)
    assert len(report) < 5000
    assert re.search(r"_\d+ lines more left out\._", report)
    assert report.count("```") == 2
    assert "<details>" in report
    many = markdown.render([tame()] * 100, limit=5000)
    assert len(many) < 5000
    assert "paragraphs more left out" in many


# --- GitHub ---


def test_github() -> None:
    assert github.render([tame()]) == (
        "::error file=app/Dockerfile,line=7,endLine=7,title=dropped%3A Join RUNs"
        "::the new text does not parse%0A[merge-runs]\n"
        "::warning file=app/Dockerfile,line=7,endLine=7,title=make is run without a cache mount"
        "::Nothing is known about what it downloads.%0Amake (GNU make)%0A[clean-package-cache]\n"
        "::notice file=app/Dockerfile,line=2,endLine=2,title=Write MAINTAINER as a LABEL"
        "::MAINTAINER is deprecated.%0A[modern-instructions, standard]\n"
        "::notice file=app/Dockerfile,line=3,endLine=4,title=Join 2 RUN instructions"
        "::The lists that the first leaves behind stay in its layer."
        "%0Aline 3: apt-get update fills /var/lib/apt/lists"
        "%0Aapt keeps its lists (https://manpages.debian.org/apt-get)"
        "%0A[merge-runs, safe, ~ 40 MB smaller (estimated)]\n"
        "::notice file=app/Dockerfile,line=7,endLine=7,title=RUN left alone"
        "::COPY stands between them%0A[merge-runs]\n"
    )


def test_github_commands_cannot_be_smuggled_in() -> None:
    lines = github.render([hostile()]).split("\n")
    assert len(lines) == 3
    for line in lines[:-1]:
        command = re.fullmatch(r"::(notice|warning) file=([^:,]*),line=3,endLine=3,title=([^:,]*)::(.*)", line)
        assert command, line
        assert "%250A" in command[4]
        assert not re.search("[\x00-\x1f\ud800-\udfff]", line)


# --- what they share ---


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (40_123_456, "40 MB"), (-5_000_000, "-5.0 MB"), (10**12, "1000 GB")],
)
def test_sizes(size: int, shown: str) -> None:
    assert common.human_size(size) == shown


def test_runs() -> None:
    assert common.runs((1, 2, 3, 7)) == [(1, 3), (7, 7)]
    assert common.runs(()) == []


def test_the_hostile_text_is_one() -> None:
    assert len(split_lines(EVIL)) > 2
