"""Statements of the indicator series: whole columns at once, so that ten thousand series cost few round trips."""

from sqlalchemy import text

ENSURE_SERIES = text(
    """
    insert into sli_series (slo, slicing, component)
    select slo, slicing, component from unnest(cast(:slos as text[]), cast(:slicings as text[]), cast(:components as text[]))
        as new(slo, slicing, component) order by slo, slicing
    on conflict (slo, slicing) do update set component = excluded.component where sli_series.component <> excluded.component
    """
)
# In one order, so that two batches that touch the same series wait for each other instead of blocking each other for good.
LOCK_SERIES = text(
    """
    select id, slo, slicing, first_minute, newest_minute from sli_series where slo = any(cast(:slos as text[]))
    order by slo, slicing for update
    """
)
# What a source sent from a time on, and the last it sent before.
HELD_SAMPLES = text(
    """
    select wanted.series, wanted.source, held.at, held.good, held.total, held.is_reset
    from unnest(cast(:series as integer[]), cast(:sources as text[]), cast(:since as timestamptz[])) as wanted(series, source, since)
    cross join lateral (
        select * from sli_sample where series = wanted.series and source = wanted.source and at >= coalesce((
            select max(at) from sli_sample where series = wanted.series and source = wanted.source and at < wanted.since
        ), wanted.since)
    ) as held order by held.at
    """
)
KEEP_SAMPLES = text(
    """
    insert into sli_sample (series, source, at, good, total, is_reset)
    select * from unnest(cast(:series as integer[]), cast(:sources as text[]), cast(:at as timestamptz[]),
        cast(:good as float8[]), cast(:total as float8[]), cast(:resets as boolean[]))
    """
)
# The points of series from a minute on, and the last before it.
POINTS = text(
    """
    select wanted.series, point.minute, point.good, point.total
    from unnest(cast(:series as integer[]), cast(:minutes as integer[])) as wanted(series, minute)
    cross join lateral (
        select minute, good, total from sli_point where series = wanted.series and minute >= coalesce((
            select max(minute) from sli_point where series = wanted.series and minute < wanted.minute
        ), wanted.minute)
    ) as point order by wanted.series, point.minute
    """
)
PUT_POINTS = text(
    """
    insert into sli_point (series, minute, good, total)
    select * from unnest(cast(:series as integer[]), cast(:minutes as integer[]), cast(:good as float8[]), cast(:total as float8[]))
    on conflict (series, minute) do update set good = excluded.good, total = excluded.total
    """
)
MOVE_SERIES = text(
    """
    update sli_series set first_minute = least(first_minute, reached.first), newest_minute = greatest(newest_minute, reached.newest)
    from unnest(cast(:series as integer[]), cast(:first as integer[]), cast(:newest as integer[])) as reached(id, first, newest)
    where sli_series.id = reached.id
    """
)
# All that was counted before each of these minutes, as two columns in the order asked; one row, which the driver reads far faster.
SUMS = text(
    """
    select array_agg(coalesce(point.good, 0) order by wanted.place) as good,
        array_agg(coalesce(point.total, 0) order by wanted.place) as total
    from unnest(cast(:series as integer[]), cast(:minutes as integer[])) with ordinality as wanted(series, minute, place)
    left join lateral (
        select good, total from sli_point where series = wanted.series and minute < wanted.minute order by minute desc limit 1
    ) as point on true
    """
)
# Deletes a point when a later one lies in the same step, unless planned work begins or ends between the two: what is excluded is
# known to the minute for good.
THIN = text(
    """
    with point as (
        select series, minute, lead(minute) over (partition by series order by minute) as following
        from sli_point where minute >= :since and minute < :before
    ), idle as (
        select point.series, point.minute from point join sli_series on sli_series.id = point.series
        where following / :step = minute / :step and not exists (
            select from budget_exclusion as excluded where excluded.component in (sli_series.component, '') and (
                ceil(extract(epoch from starts_at) / 60) between minute + 1 and following
                or ceil(extract(epoch from ends_at) / 60) between minute + 1 and following
            )
        )
    )
    delete from sli_point using idle where sli_point.series = idle.series and sli_point.minute = idle.minute
    """
)
FORGET_SAMPLES = text(
    """
    delete from sli_sample using sli_series where sli_series.id = sli_sample.series
        and sli_sample.at < to_timestamp((sli_series.newest_minute - :minutes) * 60.0)
        and exists (
            select from sli_sample as later where later.series = sli_sample.series and later.source = sli_sample.source
                and later.at > sli_sample.at
        )
    """
)
