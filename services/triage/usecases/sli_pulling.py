"""Pulling indicators: asking Prometheus for the SLOs that say so, and going on after an outage where it was left."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from services.triage.clients import PrometheusClient
from services.triage.domain.sli_query import SliQuery, by_server, query_of, samples_of
from services.triage.domain.sli_series import LATE, Sample
from services.triage.storage.budgeted_slos import BudgetedSlos
from services.triage.usecases.budgets import Samples
from services.triage.usecases.pull_health import PullHealth
from shared.clock import Clock
from shared.errors import BallastError

_AT_ONCE = 8  # queries under way
_FELL = "COUNTER_FELL"
# A scrape shows a moment after its own time: good and total, asked for one after the other, must not have one between them.
_SETTLED = timedelta(seconds=2)
_log = structlog.get_logger(__name__)


class SliPulling:
    """Fetches samples. Several replicas may: a sample counts once by its source and time, and both are the same for all."""

    def __init__(
        self, slos: BudgetedSlos, samples: Samples, client: PrometheusClient, url: str, interval: timedelta, *, health: PullHealth
    ) -> None:
        self._slos = slos
        self._samples = samples
        self._client = client
        self._url = url
        self._interval = interval
        self._health = health
        self._reached: dict[str, datetime] = {}  # by SLO, the last time asked for

    async def run(self, clock: Clock) -> None:
        """Pulls at every interval, until it is cancelled."""
        while True:
            await asyncio.sleep(self._interval.total_seconds() * random.uniform(0.9, 1.1))  # noqa: S311 - replicas shall not ask in step
            try:
                await self.pull(clock.now())
            except BallastError as error:
                _log.warning("indicators wait for the next interval", error=error.message)

    async def pull(self, now: datetime) -> int:
        """Asks every server that may be asked, and returns how many samples were taken; what fails is said in the log and tried again."""
        queries = [query for slo in (await self._slos.all()).values() if (query := query_of(slo))]
        servers = by_server(queries, self._url)
        self._health.expect(servers, now)
        limit = asyncio.Semaphore(_AT_ONCE)
        taken = [self._pull_server(url, asked, now, limit) for url, asked in servers.items() if self._client.may_ask(url, now)]
        return sum(await asyncio.gather(*taken))

    async def _pull_server(self, url: str, queries: Sequence[SliQuery], now: datetime, limit: asyncio.Semaphore) -> int:
        found = await asyncio.gather(*(self._asked(url, query, now, limit) for query in queries))
        samples = [sample for each in found for sample in each]
        if samples:
            await self._take(samples)
        return len(samples)

    async def _asked(self, url: str, query: SliQuery, now: datetime, limit: asyncio.Semaphore) -> list[Sample]:
        until = _step_before(now - _SETTLED, self._interval)
        since = max(self._reached.get(query.slo, until - self._interval) + self._interval, until - LATE + self._interval)
        if since > until:
            return []
        async with limit:
            if not self._client.may_ask(url, now):  # it failed while this waited
                return []
            try:
                part = await self._client.range(url, query.part, since, until, self._interval)
                total = await self._client.range(url, query.total, since, until, self._interval)
            except BallastError as error:
                _log.warning("an indicator could not be asked for", slo=query.slo, error=error.message)
                self._health.fail(url, error.reason)
                return []
        self._reached[query.slo] = until
        samples = samples_of(query, part, total)
        self._health.answer(url, len(samples), now)
        return samples

    async def _take(self, samples: Sequence[Sample]) -> None:
        refusals = await self._samples.record(samples)
        # A counter that fell began anew: with Prometheus a fall is a reset, as its own rate() has it.
        fallen = [
            replace(each, is_reset=True) for each, refusal in zip(samples, refusals, strict=True) if refusal and refusal.reason == _FELL
        ]
        first = {(each.slo, each.source): each for each in reversed(fallen)}
        rest = [replace(each, is_reset=each is first[each.slo, each.source]) for each in fallen]
        again = await self._samples.record(rest) if rest else []
        reasons = _counted([each.reason for each in (*refusals, *again) if each and each.reason != _FELL])
        if reasons:
            _log.warning("samples of indicators were refused", reasons=reasons)


def _step_before(now: datetime, interval: timedelta) -> datetime:
    """Returns the last multiple of the interval since 1970, so that every replica asks for the same times."""
    seconds = interval.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)


def _counted(reasons: Sequence[str]) -> Mapping[str, int]:
    return {reason: reasons.count(reason) for reason in sorted(set(reasons))}
