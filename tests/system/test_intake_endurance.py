"""Intake under load while it is killed, its database restarts, its cache goes and connections are cut: nothing lost, nothing doubled."""

from pathlib import Path

import pytest

from soak.endurance import endure
from soak.plan import Fault, plan

SEED = 3


@pytest.mark.slow
async def test_kills_and_lost_engines_under_load_lose_nothing_acknowledged_and_double_nothing(tmp_path: Path) -> None:
    steps = plan(kills=4, others=1, seed=SEED)
    outcome = await endure(tmp_path, steps, seed=SEED, senders=4, progress=lambda _: None)
    assert {fault: len(silences) for fault, silences in outcome.silences.items()} == {
        fault: 4 if fault is Fault.KILL else 1 for fault in Fault
    }
    assert outcome.ledger.retries, "no call was hit by any fault: this proved nothing"
    assert [(check.promise, list(check.broken)[:5]) for check in outcome.checks if not check.holds] == []
