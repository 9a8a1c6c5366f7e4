"""The history of alerts: partitions by the month in which alerts ended, made ahead and dropped when their time is over."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from shared.storage.database import Database

_LOCK = text("select pg_advisory_xact_lock(hashtextextended('alert_history', 7103))")
_PARTITIONS = text(
    """
    select child.relname as name from pg_inherits join pg_class child on child.oid = inhrelid
    where inhparent = 'alert_history'::regclass order by 1
    """
)
_PREFIX = "alert_history_"


class HistoryStore:
    """Makes and drops partitions. Safe for several replicas at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prepare(self, now: datetime) -> None:
        """Makes the partitions of this month and the next; where rows of a month lie in the catch-all already, they stay there."""
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK)
            held = {row.name for row in await connection.execute(_PARTITIONS)}
            for begin in (_month(now), _next_month(_month(now))):
                name, end = f"{_PREFIX}{begin:%Y%m}", _next_month(begin)
                if name in held:
                    continue
                within = f"ends_at >= '{begin.isoformat()}' and ends_at < '{end.isoformat()}'"
                if (await connection.execute(text(f"select 1 from {_PREFIX}default where {within} limit 1"))).first() is not None:  # noqa: S608 - times of our own
                    continue
                bounds = f"from ('{begin.isoformat()}') to ('{end.isoformat()}')"
                await connection.execute(text(f"create table {name} partition of alert_history for values {bounds}"))

    async def expire(self, before: datetime) -> list[str]:
        """Drops the months that were over before this, also from the catch-all; returns the names of the partitions dropped."""
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK)
            names = [row.name for row in await connection.execute(_PARTITIONS)]
            over = [each for each in names if each != f"{_PREFIX}default" and _next_month(_month_of(each)) <= before]
            for name in over:
                await connection.execute(text(f"drop table {name}"))
            await connection.execute(text(f"delete from {_PREFIX}default where ends_at < :before"), {"before": _month(before)})  # noqa: S608 - as above
        return over


def _month(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _next_month(begin: datetime) -> datetime:
    return _month(begin + timedelta(days=32))


def _month_of(name: str) -> datetime:
    return datetime.strptime(name.removeprefix(_PREFIX), "%Y%m").replace(tzinfo=UTC)
