"""Where decisions stand, in PostgreSQL: within a transaction in which the team's decisions stand still."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.allocation.domain.decision import Decision, DecisionOutcome, DecisionTrigger
from services.allocation.domain.events import DecisionChanged
from services.allocation.domain.situation import Change
from services.allocation.domain.standing import DecisionState
from services.allocation.storage.documents import decision_from_row, decision_to_row, split_to_json
from services.allocation.storage.standing_rows import standing_to_row
from services.allocation.storage.tables import decision
from shared.events.outbox import Outbox
from shared.ids import name_of, uuid_of

_FEWEST_CHANGES = 64  # more than any dwell lets happen
_BEFORE = decision.c.before["remediation_share"].as_integer()
_AFTER = decision.c.after["remediation_share"].as_integer()


async def changes_of(connection: AsyncConnection, team: str, baseline: int, most: int | None) -> tuple[Change, ...]:
    """Returns the newest changes of a team's share, oldest first: more than `most` of them, where there are.

    A first split began at `baseline`.
    """
    known = decision.c.team == team, decision.c.force_position.is_not(None), decision.c.outcome != DecisionOutcome.HELD.value
    columns = decision.c.id, decision.c.trigger, func.coalesce(decision.c.in_force_at, decision.c.created_at).label("made_at")
    statement = select(*columns, func.coalesce(_BEFORE, baseline).label("before_share"), _AFTER.label("after_share")).where(*known)
    limit = max(_FEWEST_CHANGES, (most or 0) + 1)
    rows = list(await connection.execute(statement.order_by(decision.c.force_position.desc()).limit(limit)))
    return tuple(
        Change(name_of("decisions", row.id), row.made_at, DecisionTrigger(row.trigger), row.before_share, row.after_share)
        for row in reversed(rows)
    )


async def standing_in(connection: AsyncConnection, team: str, state: DecisionState) -> list[Decision]:
    """Returns the team's decisions in that state, oldest first."""
    statement = select(decision).where(decision.c.team == team, decision.c.state == state.value).order_by(decision.c.position)
    return [decision_from_row(row) for row in await connection.execute(statement)]


def newest_split(team: str) -> "Select[tuple[Any, ...]]":
    """Asks for the split of the decision that came in force last, and its place in the order of those that did."""
    statement = select(decision.c.force_position, decision.c.after).where(decision.c.team == team)
    in_force = decision.c.state == DecisionState.IN_FORCE.value
    return statement.where(in_force).order_by(decision.c.force_position.desc()).limit(1)


async def add(connection: AsyncConnection, made: Decision) -> None:
    """Stores a new decision; one that waits has no place yet in the order of those that came in force."""
    values = decision_to_row(made)
    if made.standing.waits:
        values["force_position"] = None
    await connection.execute(insert(decision).values(values))


async def move(connection: AsyncConnection, outbox: Outbox, before: Decision, after: Decision, now: datetime) -> None:
    """Stores where a decision stands by now, with its event; nothing where that is where it stood."""
    if after.standing == before.standing:
        return
    values = standing_to_row(after.standing) | {"after": split_to_json(after.after)}
    if before.standing.waits and after.standing.state is DecisionState.IN_FORCE:
        values["force_position"] = func.nextval("decision_force")
    await connection.execute(update(decision).where(decision.c.id == uuid_of(after.name)).values(values))
    await outbox.record(connection, [DecisionChanged(after, before.standing.state, now)])


async def waiting(connection: AsyncConnection, approval: str) -> list[Decision]:
    """Returns the decisions that wait for approvers, oldest first: for that approval, or for any when it is empty."""
    statement = select(decision).where(decision.c.state == DecisionState.PROPOSED.value).order_by(decision.c.position)
    rows = await connection.execute(statement.where(decision.c.approval == approval) if approval else statement)
    return [decision_from_row(row) for row in rows]
