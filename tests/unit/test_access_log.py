"""Counting calls in memory: what is alike is one row, and no flood takes the room of others."""

import json
from datetime import timedelta

import pytest
from opentelemetry.metrics import NoOpMeter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from shared.clock import SimulatedClock
from shared.rpc.access_log import AccessKey, AccessLog, host_of
from tests.conftest import START

READ = AccessKey("ada", "x.v1.X/Get", "OK", "viewer")
REFUSED = AccessKey("bo", "x.v1.X/Set", "PERMISSION_DENIED", "admin", "ROLE_MISSING", "10.0.0.1")


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


@pytest.fixture
def log(clock: SimulatedClock) -> AccessLog:
    return AccessLog(clock, NoOpMeter("test"), most_rows=3)


def test_calls_that_are_alike_are_one_row_with_the_first_and_the_last_time(log: AccessLog, clock: SimulatedClock) -> None:
    log.answered(READ)
    clock.advance(START + timedelta(seconds=5))
    log.answered(READ)
    log.denied(REFUSED, "trace")
    begin, rows = log.take()
    assert begin == START
    assert [(key, each.count, each.first, each.last, each.trace_id) for key, each in rows] == [
        (READ, 2, START, START + timedelta(seconds=5), ""),
        (REFUSED, 1, START + timedelta(seconds=5), START + timedelta(seconds=5), "trace"),
    ]
    assert log.take() == (START + timedelta(seconds=5), [])


def test_what_has_no_room_is_summed_by_status_and_says_so(log: AccessLog) -> None:
    for number in range(10):
        log.answered(AccessKey(f"caller-{number}", "x.v1.X/Get", "OK", "viewer"))
    rows = dict(log.take()[1])
    assert len(rows) == 4
    assert rows[AccessKey("", "", "OK")].count == 7
    assert sum(each.count for each in rows.values()) == 10


def test_a_flood_of_denied_calls_leaves_the_others_their_room(log: AccessLog) -> None:
    for number in range(10):
        log.denied(AccessKey("anonymous", f"x.v1.X/Set{number}", "UNAUTHENTICATED", "admin", "TOKEN_REFUSED", "10.0.0.1"), "")
    log.answered(READ)
    rows = dict(log.take()[1])
    assert rows[READ].count == 1
    assert rows[AccessKey("", "", "UNAUTHENTICATED")].count == 7


def test_what_could_not_be_told_is_told_with_what_came_since(log: AccessLog, clock: SimulatedClock) -> None:
    log.answered(READ)
    log.denied(REFUSED, "first")
    begin, rows = log.take()
    clock.advance(START + timedelta(seconds=9))
    log.answered(READ)
    log.denied(REFUSED, "second")
    log.put_back(begin, rows)
    begin, rows = log.take()
    counts = dict(rows)
    assert begin == START
    assert (counts[READ].count, counts[READ].first, counts[READ].last) == (2, START, START + timedelta(seconds=9))
    assert (counts[REFUSED].count, counts[REFUSED].trace_id) == (2, "second")


def test_denied_calls_are_a_metric_by_reason_at_once(clock: SimulatedClock) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    log = AccessLog(clock, provider.get_meter("test"))
    log.denied(REFUSED, "")
    log.denied(REFUSED, "")
    log.answered(READ)
    data = reader.get_metrics_data()
    assert data is not None
    (point,) = json.loads(data.to_json())["resource_metrics"][0]["scope_metrics"][0]["metrics"][0]["data"]["data_points"]
    assert point["value"] == 2
    assert point["attributes"] == {"error.type": "PERMISSION_DENIED", "ballast.access.reason": "ROLE_MISSING"}
    provider.shutdown()


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("ipv4:127.0.0.1:53412", "127.0.0.1"),
        ("ipv6:%5B::1%5D:53412", "::1"),
        ("ipv6:[fe80::1%25eth0]:1", "fe80::1%eth0"),
        ("unix:/run/ballast.sock", "unix:/run/ballast.sock"),
        ("", ""),
    ],
)
def test_an_address_is_told_without_the_port(peer: str, host: str) -> None:
    assert host_of(peer) == host
