"""Outcomes made by hand, one tame and one hostile."""

from __future__ import annotations

from slimify.rewrite.edit import Edit, Evidence, Finding, Level, Rewrite, Severity
from slimify.rewrite.outcome import Change, Notice, Outcome
from slimify.rewrite.text import apply, identity
from slimify.syntax.source import Source, Span

TEXT = """\
FROM debian:12
MAINTAINER me
RUN apt-get update
RUN apt-get install -y curl
COPY . /app
WORKDIR /app
RUN make
CMD ["/app/run"]
"""
JOINED = "RUN apt-get update \\\n && apt-get install -y curl \\\n && rm -rf /var/lib/apt/lists/*\n"


def tame() -> Outcome:
    before = Source(TEXT, "app/Dockerfile")
    origins = identity(before)
    runs = Span(before.line_span(3).start, before.line_span(4).end)
    label = before.line_span(2)
    merge = Rewrite(
        "merge-runs",
        Level.SAFE,
        "Join 2 RUN instructions",
        "The lists that the first leaves behind stay in its layer.",
        (Edit(runs, JOINED),),
        (
            Evidence("apt-get update fills /var/lib/apt/lists", before.line_span(3)),
            Evidence("apt keeps its lists", None, "https://manpages.debian.org/apt-get"),
        ),
        40_123_456,
    )
    modern = Rewrite(
        "modern-instructions",
        Level.STANDARD,
        "Write MAINTAINER as a LABEL",
        "MAINTAINER is deprecated.",
        (Edit(label, "LABEL maintainer=me\n"),),
        keywords=frozenset({"MAINTAINER"}),
    )
    changes = (
        Change(merge, (3, 4), ((merge.evidence[0], 3), (merge.evidence[1], 0))),
        Change(modern, (2,), ()),
    )
    after, origins = apply(before, origins, [("merge-runs", merge.edits[0]), ("modern-instructions", modern.edits[0])])
    return Outcome(before, after, changes, notices(before), origins, 2)


def _notice(finding: Finding, line: int) -> Notice:
    return Notice(finding, finding.reason, line, 1, line)


def notices(before: Source) -> tuple[Notice, ...]:
    line = before.line_span(7)
    return (
        _notice(Finding("merge-runs", "dropped: Join RUNs", "the new text does not parse", line, Severity.FAULT), 7),
        _notice(
            Finding(
                "clean-package-cache",
                "make is run without a cache mount",
                "Nothing is known about what it downloads.",
                line,
                Severity.WARNING,
                (Evidence("make", line, "GNU make"),),
            ),
            7,
        ),
        _notice(Finding("merge-runs", "RUN left alone", "COPY stands between them", line), 7),
    )


def unchanged() -> Outcome:
    before = Source(TEXT, "app/Dockerfile")
    return Outcome(before, before, (), notices(before), identity(before), 1)


def silent() -> Outcome:
    before = Source(TEXT, "app/Dockerfile")
    return Outcome(before, before, (), (), identity(before), 1)


EVIL = (
    "@admin #12 GH-3 !4 owner/repo#5 <script>alert(1)</script> <!-- [x](https://evil.example) ![i](//e) "
    "www.evil.example **bold** `tick @inner` ``` ~~~ | a\\\\|@bar $x^2$ &lt; deadbeefcafe \x1b[31mred \u202eevil \udcff"
    "\r\n/close\n"
    "::error::x ##[error]y %0A {0} a:b,c"
)


def hostile() -> Outcome:
    """Everything that a report prints holds something that it must not let through."""
    text = f"FROM a\n# ```` ~~~~ </details> @admin \x1b[2J \udcfe ::error::x\nRUN a\rb \u202e\n{EVIL}\nRUN z\n"
    before = Source(text, "evil ,:%`|@x\udcff\n/Dockerfile")
    span = before.line_span(3)
    rewrite = Rewrite(
        "evil|@name",
        Level.AGGRESSIVE,
        EVIL,
        EVIL,
        (Edit(span, "RUN ``` a\x1b \udcff\n"),),
        (Evidence(EVIL, span, EVIL), Evidence(EVIL, None, "https://evil.example/)>@x")),
        10**12,
    )
    after, origins = apply(before, identity(before), [("evil|@name", rewrite.edits[0])])
    change = Change(rewrite, (3,), ((rewrite.evidence[0], 3), (rewrite.evidence[1], 0)))
    notice = _notice(Finding("evil|@name", EVIL, EVIL, span, Severity.WARNING, (Evidence(EVIL, span),)), 3)
    return Outcome(before, after, (change,), (notice,), origins, 1)
