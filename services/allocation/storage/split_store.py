"""The splits of teams in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.allocation.domain.decision import Split
from services.allocation.storage.documents import split_from_json
from shared.ids import uuid_of
from shared.paging import Page, PageQuery
from shared.storage.database import Database

# The snapshot of a statement is taken after its timestamp: what it finds held then or later. State 2 is in force.
_NEWEST = """
    select asked.team, found.force_position, found.after, (extract(epoch from statement_timestamp()) * 1000000)::bigint as as_of
    from unnest($1::text[]) as asked(team) cross join lateral (
        select force_position, after from decision where team = asked.team and state = 2 order by force_position desc limit 1
    ) found
"""
_PAGE = """
    select found.force_position, found.after
    from team as known cross join lateral (
        select force_position, after from decision where team = known.name and state = 2 order by force_position desc limit 1
    ) found
    where known.name > $1 and ($2 = '' or known.name = $2) order by known.name limit $3
"""


@dataclass(frozen=True, slots=True)
class SplitVersion:
    """A team's split, and its place in the order in which decisions came in force: it grows with each of a team."""

    version: int
    split: Split


class SplitStore:
    """The newest split of each team that has one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self, teams: Sequence[str]) -> list[dict[str, Any]]:
        """Returns `team`, `force_position`, `after` as a document, and `as_of`: since 1970, in microseconds of the database's clock."""
        return [dict(row) for row in await self._database.ask(_NEWEST, list(teams))]

    async def page(self, paging: PageQuery) -> Page[Split]:
        """Returns a page of splits, by team."""
        after = paging.cursor[0] if paging.cursor else ""
        found = await self.after(after, "", paging.limit)
        return paging.page([each.split for each in found], [(each.split.team,) for each in found])

    async def after(self, last: str, team: str, limit: int) -> list[SplitVersion]:
        """Returns the splits of teams whose name comes after `last`, by team: of one, or of all where `team` is empty."""
        rows = await self._database.ask(_PAGE, last, team, limit)
        return [SplitVersion(row["force_position"], split_from_json(row["after"])) for row in rows]

    async def version_of(self, decision: str) -> int:
        """Returns the place of a decision in the order in which they came in force; 0 where it never did."""
        rows = await self._database.ask("select force_position from decision where id = $1", uuid_of(decision))
        return int(rows[0]["force_position"] or 0) if rows else 0
