"""Prometheus over its HTTP API: range queries with a deadline, and servers that fail left alone for a while."""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from services.triage.domain.sli_query import Labels, labels_of
from shared.errors import Unavailable

_FIRST_WAIT = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(minutes=5)
_LARGEST_ANSWER = 8 * 1024 * 1024
_ANY = "*"
# It logs every request, which at one a minute for each SLO would be most of the log.
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Outage:
    """A server that failed: since when it is left alone, and how often it failed in a row."""

    until: datetime
    failures: int


class PrometheusClient:
    """Asks Prometheus servers. Only hosts that settings allow are asked: whoever imports an SLO must not choose what we call."""

    def __init__(self, hosts: tuple[str, ...], deadline: timedelta) -> None:
        self._hosts = hosts
        self._http = httpx.AsyncClient(timeout=deadline.total_seconds(), follow_redirects=False, trust_env=False)
        self._outages: dict[str, Outage] = {}

    async def close(self) -> None:
        await self._http.aclose()

    def may_ask(self, url: str, now: datetime) -> bool:
        """Says whether the server is allowed and not left alone after a failure."""
        outage = self._outages.get(url)
        return self._is_allowed(url) and (outage is None or now >= outage.until)

    async def range(
        self, url: str, query: str, since: datetime, until: datetime, step: timedelta
    ) -> Mapping[Labels, Mapping[float, float]]:
        """Returns the values of every series of a query at each step, by labels and time; those that are no number are left out.

        Raises Unavailable with reason PROMETHEUS_UNAVAILABLE, its message naming server and cause, and leaves the server alone for longer
        after each failure in a row. A query it refuses is no failure of the server: PROMETHEUS_QUERY_REFUSED.
        """
        asked = {"query": query, "start": since.timestamp(), "end": until.timestamp(), "step": step.total_seconds()}
        try:
            answer = await self._answer(url, asked)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            failures = self._outages[url].failures + 1 if url in self._outages else 1
            wait = min(_FIRST_WAIT * 2 ** min(failures - 1, 10), _LONGEST_WAIT)
            self._outages[url] = Outage(until + wait, failures)
            text = f"{url} gave no answer ({error or type(error).__name__}); it is asked again in {wait.total_seconds():g} s"
            raise Unavailable(text, retry_after=wait, reason="PROMETHEUS_UNAVAILABLE") from None
        self._outages.pop(url, None)
        if answer.get("status") != "success":
            raise Unavailable(f"{url} refuses {query!r}: {answer.get('error')}; mend the query", reason="PROMETHEUS_QUERY_REFUSED")
        return {labels_of(each["metric"]): _numbers(each["values"]) for each in answer["data"]["result"]}

    async def _answer(self, url: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        async with self._http.stream("POST", f"{url}/api/v1/query_range", data=asked) as response:
            # A query it cannot read has status 400, one it cannot run 422; both say why in the body.
            if response.status_code not in {200, 400, 422}:
                raise ValueError(f"status {response.status_code}")
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > _LARGEST_ANSWER:
                    raise ValueError(f"its answer is larger than {_LARGEST_ANSWER} bytes")
        answer = httpx.Response(200, content=bytes(body)).json()
        if not isinstance(answer, dict):
            raise ValueError("its answer is none of Prometheus")  # noqa: TRY004 - caught with the others
        return answer

    def _is_allowed(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and (_ANY in self._hosts or parts.hostname in self._hosts)


def _numbers(values: list[tuple[float, str]]) -> dict[float, float]:
    return {at: number for at, text in values if math.isfinite(number := float(text))}
