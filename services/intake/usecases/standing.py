"""Standing incidents: what a storm does most, alerts that only make an incident larger, without reading or locking it first.

An incident that is open and stays as it is needs no more than its counts moved. They are moved at the end of the transaction, so that
batches hold its lock for that moment only, and where somebody ended or merged it meanwhile, the batch starts over and finds out.
"""

from collections.abc import Mapping
from uuid import UUID

from services.intake.domain.alert import Disposition
from services.intake.domain.storm import Storm
from services.intake.storage.alert_batch import AlertBatch
from services.intake.storage.batch_rows import Standing
from services.intake.usecases.place import Place
from services.intake.usecases.work import Growth, Work


async def place_quietly(batch: AlertBatch, work: Work, places: Mapping[str, Place], label: str) -> dict[str, Place]:
    """Places what only makes incidents larger, while a storm lasts; returns the groups that need more than that."""
    storm = work.routing.storm
    if storm is None or not places:
        return dict(places)
    standing = await batch.standing(list(places))
    left: dict[str, Place] = {}
    for key, place in places.items():
        held = standing.get(key)
        if held is None and place.placement.rule.threshold is None:
            _summarise(work, place, storm)
        elif held is not None and held.is_open and _only_grows(work, place, held, label):
            _grow(work, place, held.incident_id)
        else:
            left[key] = place
    return left


def _summarise(work: Work, place: Place, storm: Storm) -> None:
    place.disposition = Disposition.SUMMARISED
    _grow(work, place, storm.incident_id)


def _grow(work: Work, place: Place, incident_id: UUID) -> None:
    assert place.first_start is not None
    assert place.last_start is not None
    place.grows = incident_id
    count = len(place.positions)
    growth = work.growth.get(incident_id)
    if growth is None:
        work.growth[incident_id] = Growth(count, place.first_start, place.last_start)
        return
    growth.count += count
    growth.first_start = min(growth.first_start, place.first_start)
    growth.last_start = max(growth.last_start, place.last_start)


def _only_grows(work: Work, place: Place, held: Standing, label: str) -> bool:
    """Whether the alerts tell the incident nothing: components it has, no evidence, nothing before it, and nobody else at it."""
    assert place.first_start is not None
    if held.incident_id in work.joinings or place.first_start < held.opened_at:
        return False
    if not (work.telling.isdisjoint(place.positions) and work.pasts.keys().isdisjoint(place.positions)):
        return False
    named = dict(place.placement.labels).get(label)
    if named is not None:  # the group's own component is that of every alert in it
        return named in held.components
    return all(work.reports.labels[at].get(label, "") in held.components for at in place.positions)
