"""What the bot tells Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from slimify.bot.jobs import Counts, Ended
from slimify.bot.workers import Ending


class Metrics:
    """Counters of one process, in a registry of their own. `text` is the exposition format."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._jobs = Counter("slimify_jobs", "Visits by how they ended", ["outcome"], registry=self._registry)
        self._depth = Gauge("slimify_queue_jobs", "Jobs in the queue", ["state"], registry=self._registry)
        self._seconds = Histogram(
            "slimify_visit_seconds",
            "How long visits took",
            registry=self._registry,
            buckets=(0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1800),
        )
        self._pulls = Counter("slimify_pull_requests", "What was done to them", ["what"], registry=self._registry)
        self._waits = Counter(
            "slimify_rate_limit_waits", "Visits that a forge asked to repeat later", registry=self._registry
        )
        self._hooks = Counter("slimify_webhooks", "Requests by answer", ["forge", "status"], registry=self._registry)
        # So that what is asked for is there from the start, and a rate has something to start from.
        for ended in Ended:
            self._jobs.labels(ended.value)
        for what in ("opened", "refreshed", "closed"):
            self._pulls.labels(what)

    def visited(self, ending: Ending) -> None:
        """Count a visit."""
        self._jobs.labels(ending.result.ended.value).inc()
        self._seconds.observe(ending.seconds)
        for what in ending.result.pull_requests:
            self._pulls.labels(what).inc()
        if ending.result.ended is Ended.LATER and ending.result.wait is not None:
            self._waits.inc()

    def answered(self, forge: str, status: int) -> None:
        """Count a webhook. `forge` is one of the operator's, so that strangers cannot make up labels."""
        self._hooks.labels(forge, str(status)).inc()

    def text(self, counts: Counts) -> bytes:
        """All there is to tell, with what is in the queue now."""
        for state, number in counts._asdict().items():
            self._depth.labels(state).set(number)
        return generate_latest(self._registry)
