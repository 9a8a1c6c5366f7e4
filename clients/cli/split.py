"""`ballast split`: how a team's sprint is shared out now."""

from collections.abc import Iterable
from typing import Annotated

import typer
from ballast.allocation.v1 import allocation_messages_pb2 as pb
from ballast.allocation.v1 import team_pb2
from rich.console import RenderableType
from rich.text import Text

from clients.cli.formats import hours_text, percent_text, time_text
from clients.cli.names import team_name
from clients.cli.output import facts
from clients.cli.session import Session, with_session

_BAR_WIDTH = 40

app = typer.Typer(help="Show how a team's sprint is shared out.")


@app.callback()
def _group() -> None:
    """Show how a team's sprint is shared out."""


@app.command("show")
@with_session()
async def show(session: Session, team: Annotated[str, typer.Argument(metavar="TEAM", help="teams/{id}, or the id.")]) -> None:
    """Shows a team's split: hours for remediation, hours for the roadmap, and the decision that set it."""
    response = await session.connection.allocation.GetSplit(pb.GetSplitRequest(team=team_name("TEAM", team)))
    session.output.answer(response, lambda: draw_split(response.split))


def draw_split(split: team_pb2.Split) -> Iterable[RenderableType]:
    yield bar(split.remediation_share)
    yield facts(
        [
            ("sprint", split.sprint),
            ("remediation", f"{percent_text(split.remediation_share)}, {hours_text(split.remediation_hours)}"),
            ("roadmap", f"{percent_text(split.roadmap_share)}, {hours_text(split.roadmap_hours)}"),
            ("capacity", hours_text(split.capacity_hours)),
            ("since", time_text(split, "effective_at")),
            ("decision", split.decision),
            ("policy", f"{split.policy} revision {split.policy_revision}"),
        ]
    )


def bar(share: float) -> Text:
    """Returns the split as a bar: remediation filled, roadmap shaded."""
    filled = round(share * _BAR_WIDTH)
    return Text("█" * filled, "red") + Text("░" * (_BAR_WIDTH - filled), "green")
