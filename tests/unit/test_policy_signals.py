"""The signals that rules of policies read: named in the README as they are, and told only where they can be."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from services.allocation.domain.condition_range import can_hold_together, contradicts_itself
from services.allocation.domain.signal_facts import FACTS
from services.allocation.domain.signals import BudgetSignal, Restoring, Signals, Tally, Tier
from services.allocation.domain.survival import Median
from tests.support.ruling import EvenHours, signals

README = Path(__file__).parents[2] / "services" / "allocation" / "README.md"
_ROW = re.compile(r"\| `([\w.{},]+)` \| (int|double|string) \|")


def spelt_out(name: str) -> Iterator[str]:
    parts = [part.split(",") for part in re.split(r"[{}]", name)]
    return ("".join(each) for each in product(*parts))


def value(of: Signals, name: str) -> Any:
    return next(fact for fact in FACTS if fact.name == name).read(of)


def test_the_readme_lists_every_signal_with_its_type() -> None:
    section = README.read_text().partition("### Signals")[2].partition("\n## ")[0]
    listed = {name: row[2] for row in _ROW.finditer(section) for name in spelt_out(row[1])}
    assert listed == {fact.name: fact.type.name().lower() for fact in FACTS}


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: str(fact.name))
def test_what_nobody_told_is_missing_and_not_zero(fact: Any) -> None:
    assert fact.read(signals()) is None or fact.source == "the team"


@pytest.mark.parametrize(("tally", "ratio"), [(Tally(0, 0, 6), 0.0), (Tally(3, 0, 6), math.inf), (Tally(3, 12, 6), 1.5), (Tally(3), None)])
def test_the_ratio_of_incidents_tells_none_from_never_any(tally: Tally, ratio: float | None) -> None:
    assert value(signals(incidents=tally), "incidents.ratio") == ratio


def test_a_median_that_was_not_reached_is_a_lower_bound_now_and_unknown_then() -> None:
    hours = Restoring(Median(timedelta(hours=6), False), 3, Median(timedelta(hours=2), True), 5)
    assert value(signals(restore=hours), "restore.ratio") == 3
    assert value(signals(restore=replace(hours, earlier=Median(timedelta(hours=2), False))), "restore.ratio") is None


def test_budgets_are_told_apart_by_tier() -> None:
    told = signals(budgets=(BudgetSignal(-0.1, 9.0, True, tier=Tier.HIGH), BudgetSignal(0.5, None, False, tier=Tier.CRITICAL)))
    assert (value(told, "budget.left"), value(told, "budget.exhausted"), value(told, "budget.frozen")) == (-0.1, 1, 1)
    assert (value(told, "budget.critical.left"), value(told, "budget.critical.exhausted")) == (0.5, 0)
    assert value(told, "budget.critical.burn") is None
    assert value(told, "budget.low.exhausted") is None


def test_hours_are_told_as_shares_of_capacity_too() -> None:
    told = signals(demand=EvenHours(96), backlog_hours=24.0)
    assert (value(told, "demand.q75_hours"), value(told, "demand.q75_share"), value(told, "backlog.share")) == (72.0, 0.3, 0.1)


@pytest.mark.parametrize(
    ("text", "contradicts"),
    [
        ("incidents.count > 5 && incidents.count < 3", True),
        ("incidents.count > 5 && incidents.count <= 5", True),
        ("incidents.count >= 5 && incidents.count <= 5", False),
        ("incidents.count == 4 && incidents.count == 5", True),
        ("incidents.count > 5 && restore.count < 3", False),
        ("incidents.count > 5 || incidents.count < 3", False),
        ("!(incidents.count > 5 && incidents.count < 3)", False),
    ],
)
def test_a_plain_condition_that_asks_for_more_and_less_contradicts_itself(text: str, contradicts: bool) -> None:
    assert contradicts_itself(text) is contradicts


def test_two_conditions_hold_together_where_their_ranges_meet() -> None:
    assert can_hold_together("incidents.ratio > 1.5", "incidents.ratio < 2.0")
    assert not can_hold_together("incidents.ratio > 1.5", "incidents.ratio < 1.2")
    assert not can_hold_together("incidents.ratio > 1.5", "restore.ratio < 1.2")
