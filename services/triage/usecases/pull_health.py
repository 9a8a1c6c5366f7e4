"""Health of pulling: since when each Prometheus server has not answered, and what failed, as metrics of this replica."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from shared.clock import Clock


class PullHealth:
    """Keeps when each server that is to be asked answered last; one that never did counts from when it was first to be asked."""

    def __init__(self, meter: Meter, clock: Clock) -> None:
        self._clock = clock
        self._answered: dict[str, datetime] = {}  # by server
        self._failures = meter.create_counter("ballast_triage_pull_failures", "{query}", "Queries that Prometheus did not answer.")
        self._samples = meter.create_counter("ballast_triage_pull_samples", "{sample}", "Samples of indicators that Prometheus gave.")
        meter.create_observable_gauge(
            "ballast_triage_pull_age_seconds", [self._ages], "s", "Time since Prometheus last answered for an indicator."
        )

    def expect(self, urls: Iterable[str], now: datetime) -> None:
        """Says which servers are to be asked now; of others nothing is told any more."""
        self._answered = {server: self._answered.get(server, now) for server in map(_server, urls)}

    def answer(self, url: str, samples: int, now: datetime) -> None:
        self._answered[_server(url)] = now
        self._samples.add(samples, {"server.address": _server(url)})

    def fail(self, url: str, reason: str) -> None:
        self._failures.add(1, {"server.address": _server(url), "error.type": reason})

    def _ages(self, _: CallbackOptions) -> Sequence[Observation]:
        now = self._clock.now()
        return [Observation((now - at).total_seconds(), {"server.address": server}) for server, at in sorted(self._answered.items())]


def _server(url: str) -> str:
    """Returns host and port: a URL may hold a password."""
    return urlsplit(url).netloc.rpartition("@")[2]
