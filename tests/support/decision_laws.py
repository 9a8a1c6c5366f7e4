"""What holds of every team's decisions and split at any moment, read from PostgreSQL in one snapshot."""

import itertools
from collections.abc import Sequence
from typing import Any

from services.allocation.domain.standing import DecisionState
from shared.app import App
from shared.ids import name_of

_CAME = {DecisionState.IN_FORCE, DecisionState.SUPERSEDED, DecisionState.ROLLED_BACK}
_ALL = """
    select id, team, state, force_position, before, after, rolls_back, in_force_at from decision order by team, position
"""


async def check_decisions(app: App) -> dict[str, dict[str, Any]]:
    """Fails where a law is broken; returns the split of each team that has one, as stored."""
    rows = await app.database.ask(_ALL)
    teams: dict[str, list[Any]] = {}
    for row in rows:
        teams.setdefault(row["team"], []).append(row)
    return {team: split for team, decided in teams.items() if (split := _check(team, decided))}


def _check(team: str, decided: Sequence[Any]) -> dict[str, Any]:
    states = {name_of("decisions", row["id"]): DecisionState(row["state"]) for row in decided}
    came = sorted((row for row in decided if row["force_position"] is not None), key=lambda row: row["force_position"])
    in_force = [row for row in decided if row["state"] == DecisionState.IN_FORCE]
    # Exactly one decision is in force, and it is the one that came in force last.
    assert len(in_force) == 1, (team, states)
    assert in_force[0] == came[-1], (team, states)
    # Only what came in force has a place in that order and a time; what waits waits alone.
    for row in decided:
        has_come = DecisionState(row["state"]) in _CAME
        assert has_come == (row["force_position"] is not None) == (row["in_force_at"] is not None), (team, row["id"])
    assert sum(state is DecisionState.PROPOSED for state in states.values()) <= 1, (team, states)
    # A split is never there without the decision that set it, and none that only waits ever set one.
    for row in came:
        assert states[row["after"]["decision"]] in _CAME, (team, row["id"])
    # Shares follow each other without a jump: nothing but decisions in force moved them.
    for earlier, later in itertools.pairwise(came):
        assert later["before"]["remediation_share"] == earlier["after"]["remediation_share"], (team, earlier["id"], later["id"])
    # What was taken back says so, once what takes it back is in force.
    for row in came:
        if row["rolls_back"]:
            assert states[row["rolls_back"]] is DecisionState.ROLLED_BACK, (team, row["id"])
    split: dict[str, Any] = in_force[0]["after"]
    return split
