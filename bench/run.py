"""Build applications before and after, prove each rewrite, and measure it against an expert's.

    python -m bench.run [--only NAME]… [--apps DIR] [--peers] [--no-rebuild] [--out FILE]

For each application the naive Dockerfile, slimify's three rewrites of it, the expert's Dockerfile and, with --peers,
what other programs make of it are built one after the other without a cache, compared and run by slimify's own prover.
A rewrite that does not build, or is another program, reaches nothing. What was measured is kept in a JSON file after
each application, and the table is made from all that it holds; --table only prints it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import apps, chart, rewriters, stand_ins, tables
from bench.apps import App
from bench.rewriters import Peer, Written
from slimify.proof.engine import BuildOptions, Engine, EngineError, find_engine
from slimify.proof.prove import TOUCHED, Proof, Prover
from slimify.proof.session import Session, session
from slimify.proof.show_proof import as_data

RESULTS = Path(__file__).resolve().parent / "results.json"
CHART = RESULTS.with_name("sizes.svg")
README = RESULTS.parent.parent / "README.md"
_START, _END = "<!-- measured by bench.run -->", "<!-- end of what was measured -->"
_MOST = 20


def measure(app: App, engine: Engine, peers: list[Peer], rebuild: bool, only: list[str]) -> dict[str, Any]:
    """All that is measured of one application; with `only`, of the rewrites of these names."""
    start = time.monotonic()
    with session(engine) as names:
        context = Path(names.path("app"))
        app.copy_to(context)
        prover = Prover(engine, names, BuildOptions(network="host"), app.smoke, _say, rebuild)
        prover.touched = TOUCHED[:1]
        found: dict[str, Any] = {"kind": app.kind, "variants": {}}
        wanted = [one for one in _rewrites(app, context, names, peers) if not only or one[0] in only]
        for name, written in wanted:
            prover.rebuild = rebuild and name in ("standard", "expert")
            _say(f"{app.name}: {name}")
            try:
                proof = prover.prove(written.subject(app.naive, context))
            except EngineError as error:
                # Another program may choose a base image that is not here.
                found["variants"][name] = _untried(written, str(error))
                continue
            found["naive"] = as_data(proof, app.name)["before"]
            found["variants"][name] = _data(proof, written)
        found["seconds"] = round(time.monotonic() - start)
    return found


def _rewrites(app: App, context: Path, names: Session, peers: list[Peer]) -> list[tuple[str, Written]]:
    # The first one has the rebuilds of the naive version measured with it.
    wanted = [("standard", rewriters.by_slimify("standard", app, context)), ("expert", rewriters.by_expert(app))]
    wanted += [(level, rewriters.by_slimify(level, app, context)) for level in ("safe", "aggressive")]
    return wanted + [(peer.name, peer.rewrite(app, Path(names.folder))) for peer in peers]


def _up_to_date(app: App, found: dict[str, Any] | None) -> bool:
    """Whether what was measured is what slimify and the expert write now."""
    if found is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder, "app")
        app.copy_to(context)
        now = {level: rewriters.by_slimify(level, app, context) for level in rewriters.LEVELS}
    now["expert"] = rewriters.by_expert(app)
    then = found["variants"]
    return all(
        name in then and (then[name]["dockerfile"], then[name]["ignored"]) == (one.text, one.ignored)
        for name, one in now.items()
    )


def _data(proof: Proof, written: Written) -> dict[str, Any]:
    data = as_data(proof, "")
    return {
        **_told(written),
        "verdict": data["verdict"],
        "measured": data["after"],
        "differences": [list(one) for one in proof.differences[:_MOST]],
        "behaviour": [one.what for one in proof.behaviour],
        "log": proof.after.built.log[-2000:] if proof.after is not None and not proof.after.built.ok else "",
    }


def _untried(written: Written, why: str) -> dict[str, Any]:
    untried = {"verdict": "not-tried", "measured": None, "differences": [], "behaviour": [], "log": why}
    return {**_told(written), **untried}


def _told(written: Written) -> dict[str, Any]:
    """What is known of a rewrite before anything is built."""
    return {
        "changes": list(written.changes),
        "declined": list(written.declined),
        "dockerfile": written.text,
        "ignored": written.ignored,
    }


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="NAME", action="append", default=[], help="this application; repeatable")
    parser.add_argument("--apps", metavar="DIR", type=Path, default=apps.FOLDER, help="where the applications are")
    parser.add_argument("--variant", metavar="NAME", action="append", default=[], help="only this one; repeatable")
    parser.add_argument("--peers", action="store_true", help="measure other programs that are installed, too")
    parser.add_argument("--rebuild", action=argparse.BooleanOptionalAction, default=True, help="measure rebuilds")
    parser.add_argument("--new", action="store_true", help="only what is not measured yet as it is rewritten now")
    parser.add_argument("--table", action="store_true", help="print the table of what was measured, and build nothing")
    parser.add_argument(
        "--readme", action="store_true", help="write the table into the README, and the chart beside it"
    )
    parser.add_argument("--out", metavar="FILE", type=Path, default=RESULTS, help="where the results are kept")
    options = parser.parse_args(arguments)
    kept: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {"apps": {}}
    if not options.table:
        engine = find_engine("docker")
        peers = [peer for peer in rewriters.PEERS if peer.installed] if options.peers else []
        kept["versions"] = {**kept.get("versions", {}), **{peer.name: peer.version for peer in peers}}
        kept["command"] = "make bench-images"
        wanted = apps.load(options.apps, tuple(options.only))
        for app in [one for one in wanted if not (options.new and _up_to_date(one, kept["apps"].get(one.name)))]:
            bases = stand_ins.provide(engine, stand_ins.of(app))
            found = {**measure(app, engine, peers, options.rebuild, options.variant), "bases": bases}
            if options.variant and (before := kept["apps"].get(app.name)):
                found = {**before, "variants": {**before["variants"], **found["variants"]}}
            kept["apps"][app.name] = found
            kept["date"] = datetime.date.today().isoformat()
            options.out.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(tables.markdown(kept))
    if options.readme:
        _put(tables.markdown(kept))
        CHART.write_text(chart.svg(kept), encoding="utf-8")
    return 0


def _put(table: str) -> None:
    """Write the table where the README has the last one."""
    before, start, rest = README.read_text(encoding="utf-8").partition(_START)
    _, end, after = rest.partition(_END)
    README.write_text(f"{before}{start}\n{table}{end}{after}", encoding="utf-8")


def _say(text: str) -> None:
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
