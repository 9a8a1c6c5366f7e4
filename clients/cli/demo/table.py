"""The table of the year: one row a sprint, for a terminal of 120 columns."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Literal

from rich.box import SIMPLE_HEAD
from rich.table import Table

from clients.cli.demo.summary import RestoreTime, SprintSummary
from shared.money import Money

_RIGHT: Final = "right"
_MOVER: Final = "biggest mover, and why"
_COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("#", _RIGHT),
    ("begins", "left"),
    ("inci-\ndents", _RIGHT),
    ("SEV\n1–2", _RIGHT),
    ("remed.\nhours", _RIGHT),
    ("median\nrestore", _RIGHT),
    ("remediation\nshare, %", "left"),
    (_MOVER, "left"),
    ("items\ndispl.", _RIGHT),
    ("value\nat risk", _RIGHT),
)


def year_table(summaries: Sequence[SprintSummary]) -> Table:
    """Returns the table, with a row of totals."""
    table = Table(box=SIMPLE_HEAD, show_footer=True, pad_edge=False, padding=(0, 1), collapse_padding=True)
    for (header, justify), footer in zip(_COLUMNS, _footer(summaries), strict=True):
        table.add_column(header, footer=footer, justify=justify, no_wrap=header != _MOVER)
    for summary in summaries:
        table.add_row(*_row(summary))
    return table


def _row(summary: SprintSummary) -> list[str]:
    mover = summary.mover
    moved = f"{mover.team} {100 * mover.share_before:.0f}→{100 * mover.share_after:.0f}" if mover else ""
    return [
        str(summary.number),
        f"{summary.begin_at:%d %b %y}",
        str(summary.opened or "–"),
        str(summary.grave or "–"),
        f"{summary.remediation_hours:,.0f}",
        restore_text(summary.restore),
        f"{100 * summary.share_before:.1f} → {100 * summary.share_after:.1f}",
        f"{moved}: {summary.reason}" if mover else "–",
        str(len(summary.displaced) or "–"),
        dollars(summary.value_at_risk),
    ]


def _footer(summaries: Sequence[SprintSummary]) -> list[str]:
    total = sum((summary.value_at_risk for summary in summaries[1:]), summaries[0].value_at_risk)
    return [
        "",
        "in all",
        str(sum(summary.opened for summary in summaries)),
        str(sum(summary.grave for summary in summaries)),
        f"{sum(summary.remediation_hours for summary in summaries):,.0f}",
        "",
        "",
        _decisions(summaries),
        str(len({item for summary in summaries for item in summary.displaced})),
        dollars(total),
    ]


def _decisions(summaries: Sequence[SprintSummary]) -> str:
    raised, lowered, held = (sum(getattr(summary, name) for summary in summaries) for name in ("raised", "lowered", "held"))
    agreed = sum(summary.agreed for summary in summaries)
    return f"{raised} raised, {lowered} lowered, {held} held; to {agreed} others agreed"


def restore_text(restore: RestoreTime | None) -> str:
    """Returns the median for people, such as `2.6 h`; with ≥ when incidents still open may raise it."""
    if restore is None:
        return "–"
    hours = restore.median / timedelta(hours=1)
    text = f"{hours / 24:.1f} d" if hours >= 48 else f"{hours:.1f} h"
    return f"≥ {text}" if restore.at_least else text


def dollars(money: Money) -> str:
    """Returns the amount in thousands of dollars, such as `$48k`."""
    return f"${money.amount / 1000:,.0f}k" if money.amount else "–"
