"""The results as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from typing import Any

from slimify.knowledge.image_sizes import uncompressed_bytes

LEVELS = ("safe", "standard", "aggressive")
_VERDICTS = {
    "smaller": "same program",
    "same-size": "same program",
    "larger": "same program, larger",
    "different": "**other program**",
    "not-built": "**does not build**",
    "never-built": "naive does not build",
    "not-tried": "not tried",
}


def markdown(results: Mapping[str, Any]) -> str:
    """The table of levels, that of peers where they were measured, and what the figures rest on."""
    found: Mapping[str, Any] = results["apps"]
    if not found:
        return "Nothing was measured.\n"
    parts = [_levels(found), _sums(found)]
    peers = sorted({name for app in found.values() for name in app["variants"]} - {*LEVELS, "expert"})
    if peers:
        parts.append(_peers(found, peers, results.get("versions", {})))
    parts.append(f"Measured on {results['date']} with `{results['command']}`. " + _bases(found))
    return "\n\n".join(parts) + "\n"


def share(app: Mapping[str, Any], variant: str) -> float | None:
    """How much of the expert's reduction a variant reaches; 0 for another program; None if the expert's failed."""
    naive, expert = app["naive"]["bytes"], size(app, "expert")
    if expert is None or expert >= naive:
        return None
    if app["variants"].get(variant, {}).get("verdict", "not-tried") == "not-tried":
        return None
    if not sound(app, variant):
        return 0.0
    after = size(app, variant)
    return 0.0 if after is None else (naive - after) / (naive - expert)


def sound(app: Mapping[str, Any], variant: str) -> bool:
    """Whether a variant is the same program."""
    return app["variants"].get(variant, {}).get("verdict") in ("smaller", "same-size", "larger")


def size(app: Mapping[str, Any], variant: str) -> int | None:
    """The bytes of an image that was built."""
    measured = app["variants"].get(variant, {}).get("measured")
    return measured["bytes"] if measured and measured["built"] else None


def _levels(found: Mapping[str, Any]) -> str:
    head = ["application", "naive", *LEVELS, "expert", "share", "rebuild", "verdict"]
    rows = []
    for name, app in found.items():
        variants = app["variants"]
        sizes = [_megabytes(size(app, one)) for one in (*LEVELS, "expert")]
        verdicts = dict.fromkeys(_VERDICTS[variants[level]["verdict"]] for level in LEVELS if level in variants)
        rows.append(
            [
                name,
                _megabytes(app["naive"]["bytes"]),
                *sizes,
                " / ".join(_percent(share(app, level)) for level in LEVELS),
                _rebuild(app),
                ", ".join(verdicts),
            ]
        )
    return _table(head, rows)


def _rebuild(app: Mapping[str, Any]) -> str:
    """Seconds of a build after one source file was touched: naive, standard, expert."""
    measured = [app["naive"], *(app["variants"].get(one, {}).get("measured") or {} for one in ("standard", "expert"))]
    seconds = [one.get("rebuild_seconds", {}).get("a source") for one in measured]
    return " / ".join("–" if one is None else f"{one:.1f}" for one in seconds) + " s"


def _sums(found: Mapping[str, Any]) -> str:
    rows = []
    for level in LEVELS:
        shares = [one for app in found.values() if (one := share(app, level)) is not None]
        there = [app["variants"][level] for app in found.values() if level in app["variants"]]
        wrong = sum(one["verdict"] in ("different", "not-built") for one in there)
        if not shares:
            continue
        total = sum(size(app, level) or 0 for app in found.values())
        rows.append(
            [
                level,
                _percent(statistics.median(shares)),
                _percent(min(shares)),
                f"{sum(one >= 0.95 for one in shares)} of {len(shares)}",
                _megabytes(total),
                str(wrong),
            ]
        )
    total, best = (sum(sizes) for sizes in zip(*_naive_and_expert(found), strict=True))
    head = ["level", "median share", "least", "at least 95 %", "bytes in all", "broken"]
    others = [name for name, app in found.items() if app["variants"]["expert"].get("behaviour")]
    note = f" Experts' images that do not answer as the naive ones do: {', '.join(others)}." if others else ""
    return (
        _table(head, rows) + f"\n\nNaive images are {_megabytes(total)} in all, the experts' {_megabytes(best)}.{note}"
    )


def _naive_and_expert(found: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    for app in found.values():
        yield app["naive"]["bytes"], size(app, "expert") or 0


def _peers(found: Mapping[str, Any], peers: list[str], versions: Mapping[str, str]) -> str:
    rows = []
    for peer in ("standard", *peers):
        apps = [app for app in found.values() if peer in app["variants"]]
        verdicts = [app["variants"][peer]["verdict"] for app in apps]
        shares = [one for app in apps if (one := share(app, peer)) is not None]
        name = "slimify, standard" if peer == "standard" else f"{peer} {versions.get(peer, '')}".strip()
        counts = [verdicts.count(one) for one in ("smaller", "different", "not-built", "not-tried")]
        counts.insert(1, len(verdicts) - sum(counts))
        rows.append([name, *map(str, counts), _percent(statistics.median(shares))])
    head = ["program", "smaller", "no smaller", "another program", "does not build", "not tried", "median share"]
    return _table(head, rows) + (
        "\n\nAnother configuration is another program, too. What was not tried chose a base image that is not here."
    )


def _bases(found: Mapping[str, Any]) -> str:
    sizes = {image: size for app in found.values() for image, size in app["bases"].items()}
    listed = ", ".join(f"{image} {_megabytes(size)}{_original(image)}" for image, size in sorted(sizes.items()))
    return (
        "Base images are stand-ins under the real names, made from Debian's packages; in brackets the original's size "
        f"where more than a stand-in says it: {listed}."
    )


def _original(image: str) -> str:
    """What is known of the image that one stands in for, uncompressed as well."""
    about = uncompressed_bytes(image)
    return f" (about {_megabytes(about.bytes)})" if about and "stand-in" not in about.how else ""


def _megabytes(size: int | None) -> str:
    return "–" if size is None else f"{size / 1e6:.1f} MB" if size < 10e6 else f"{size / 1e6:.0f} MB"


def _percent(value: float | None) -> str:
    # Rounded down, so that a share is never told larger than it is.
    return "–" if value is None else f"{int(value * 100 // 1)} %"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
