"""What previews of policies look back on, in PostgreSQL; only reads."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from services.allocation.domain.errors import TeamNotFound
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.policy_preview import Past, earliest_needed
from services.allocation.domain.rule_signal import looks_farther
from services.allocation.domain.sprint import Sprint
from services.allocation.domain.surroundings import Surroundings
from services.allocation.domain.team import Team
from services.allocation.storage.presences import with_presence
from services.allocation.storage.rows import team_from_row
from services.allocation.storage.signal_store import SignalStore
from services.allocation.storage.situations import situation_of
from services.allocation.storage.tables import team
from shared.paging import PageQuery
from shared.storage.database import Database

_SHARES = """
    select coalesce(in_force_at, created_at), (after->>'remediation_share')::int from decision
    where team = $1 and force_position is not null order by force_position
    """


class PreviewStore:
    """Teams with their pasts."""

    def __init__(self, database: Database, signals: SignalStore) -> None:
        self._database = database
        self._signals = signals

    async def team(self, name: str) -> Team:
        """Raises TeamNotFound."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(team).where(team.c.name == name))).first()
            if row is None:
                raise TeamNotFound(name)
            return (await with_presence(connection, [team_from_row(row)]))[0]

    async def using(self, policy: str, paging: PageQuery) -> list[Team]:
        """Returns the teams that decide by a policy, by name: a page of them, and one more where there are more."""
        statement = select(team).where(team.c.policy == policy).order_by(team.c.name).limit(paging.limit)
        if paging.cursor:
            statement = statement.where(team.c.name > paging.cursor[0])
        async with self._database.transaction() as connection:
            return await with_presence(connection, [team_from_row(row) for row in await connection.execute(statement)])

    async def past(self, of: Team, policies: tuple[AllocationPolicy, AllocationPolicy], count: int, now: datetime) -> Past:
        """Returns the team with all that a preview of so many sprints needs of its incidents."""
        since = earliest_needed(of, policies, count, now)
        async with self._database.transaction() as connection:
            situation = await situation_of(connection, of, policies[0], now, since)
        shares = await self._database.ask(_SHARES, of.name)
        return Past(situation, tuple((row[0], row[1]) for row in shares))

    async def surroundings(
        self, past: Past, policies: tuple[AllocationPolicy, AllocationPolicy], sprints: Sequence[Sprint], now: datetime
    ) -> dict[int, tuple[Surroundings, Surroundings]]:
        """Returns what each policy would have looked at as each sprint began; what neither looks at is not asked for."""
        if not any(map(looks_farther, policies)):
            return {}
        of, known = past.situation.team, past.situation.incidents
        found = {}
        for sprint in sprints:
            begin = sprint.begin_at
            one, other = [await self._signals.surroundings(of, policy, known, begin, begin, now) for policy in policies]
            found[sprint.number] = (one, other)
        return found
