"""Approvals of a running governance: asked for, given, refused, acted on at once, and asked about."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from ballast.governance.v1 import approval_pb2
from google.type.money_pb2 import Money

from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.approving import Office, approving

State = approval_pb2.ApprovalState
HIGH = approval_pb2.ImpactPreview(summary="Much of it.", displaced_items=5, value_at_risk=Money(currency_code="EUR", units=9))


@pytest.fixture(scope="module")
async def office(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Office]:
    async with approving(urls, engines, clock) as running:
        yield running


def advance(office: Office, **span: int) -> None:
    office.clock.advance(office.clock.now() + timedelta(**span))


async def test_another_approves_and_it_is_in_force_for_its_time(office: Office) -> None:
    asked = await office.ask("ada", team="teams/core", impact=HIGH, kind="flag")
    assert (asked.state, asked.rule.name, asked.rule.quorum, asked.author, asked.impact) == (
        State.APPROVAL_STATE_PENDING,
        "high-impact",
        2,
        "ada",
        HIGH,
    )
    first = await office.approve("bo", asked, note="fine")
    assert (first.state, first.in_force) == (State.APPROVAL_STATE_PENDING, False)
    second = await office.approve("cy", asked)
    assert (second.state, second.in_force, [each.principal for each in second.votes]) == (State.APPROVAL_STATE_APPROVED, True, ["bo", "cy"])
    assert second.expire_time.ToDatetime() - second.decide_time.ToDatetime() == timedelta(days=7)
    assert (await office.verify(asked)).in_force


async def test_one_persons_word_counts_once(office: Office) -> None:
    asked = await office.ask(impact=HIGH)
    once, twice = await office.approve("bo", asked), await office.approve("bo", asked)
    assert (twice.state, len(twice.votes), twice.etag) == (State.APPROVAL_STATE_PENDING, 1, once.etag)
