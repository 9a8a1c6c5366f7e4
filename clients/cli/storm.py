"""`ballast storm`: whether a storm of alerts is under way, by which rule, what waits, and the storms there were."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import typer
from ballast.intake.v1 import storm_pb2 as pb
from rich.console import RenderableType

from clients.cli.connection import every_page
from clients.cli.formats import duration_text, time_text
from clients.cli.output import Column, cell, facts, table, total
from clients.cli.session import Limit, Session, with_session


class Asked(StrEnum):
    """What of storms is asked for."""

    STATE = "state"
    LIST = "list"


@with_session()
async def storm(
    session: Session,
    what: Annotated[
        Asked, typer.Argument(metavar="[list]", help="`list` for the storms there were; without it how things stand.")
    ] = Asked.STATE,
    limit: Limit = 50,
) -> None:
    """Shows whether a storm is under way and what waits for storage; `storm list` lists the storms there were, the latest first."""
    intake = session.connection.intake
    if what is Asked.LIST:
        listed = await every_page(intake.ListStorms, pb.ListStormsRequest(), "storms", limit)
        session.output.answer(listed, lambda: draw_list(listed))
    else:
        state = await intake.GetStormState(pb.GetStormStateRequest())
        session.output.answer(state, lambda: draw_state(state))


def draw_state(state: pb.GetStormStateResponse) -> Iterable[RenderableType]:
    rule, storm_ = state.rule, state.storm
    yield cell("a storm is under way" if state.HasField("storm") else "no storm", "bold")
    window = duration_text(rule.window)
    yield facts(
        [
            ("storm", storm_.name),
            ("incident", storm_.incident),
            ("began", time_text(storm_, "started_at")),
            ("alerts in it", f"{storm_.alert_count:,}" if state.HasField("storm") else ""),
            ("new alerts", f"{state.recent_count:,} within {window}, at the replica that answers"),
            ("begins at", f"{rule.enter_count:,} within {window}"),
            ("ends below", f"{rule.leave_count:,} within {window}, for {duration_text(rule.calm)}"),
            ("reports waiting", f"{state.waiting_count:,} of at most {state.waiting_limit:,}"),
        ]
    )
    if state.sources:
        columns = ("source", Column("waiting", right=True), Column("refused", right=True))
        yield table("by source", columns, [(each.source, f"{each.waiting_count:,}", f"{each.shed_count:,}") for each in state.sources])


def draw_list(response: pb.ListStormsResponse) -> Iterable[RenderableType]:
    columns = (
        Column("storm", whole=True),
        Column("began", whole=True),
        Column("over", whole=True),
        Column("began with", right=True),
        Column("alerts", right=True),
        Column("incident", whole=True),
    )
    rows = [
        (
            each.name,
            time_text(each, "started_at"),
            time_text(each, "ended_at"),
            f"{each.entered_count:,}",
            f"{each.alert_count:,}",
            each.incident,
        )
        for each in response.storms
    ]
    yield table("", columns, rows)
    yield total(len(response.storms), "storm", response.next_page_token)
