"""Placing: which incident each new alert goes into, or what keeps it out of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.intake.domain.alert import OPENING, Disposition
from services.intake.domain.gathering import belongs, reaches_back
from services.intake.domain.grouping_rule import GroupingRule, Placement
from services.intake.domain.incident import Incident, IncidentKind
from services.intake.domain.muting import Mute
from services.intake.domain.threshold import reached
from services.intake.storage.alert_batch import AlertBatch, NewAlerts, Placed
from services.intake.usecases.finding import Finding
from services.intake.usecases.joining import MOST_NAMED, Joining, group_at, opened
from services.intake.usecases.muting_check import mutes_of
from services.intake.usecases.work import Work
from shared.ids import new_ids


@dataclass(slots=True)
class Place:
    """One group's new alerts in a batch, and where they go."""

    placement: Placement
    positions: list[int] = field(default_factory=list)
    first_start: datetime | None = None
    joining: Joining | None = None
    disposition: Disposition = Disposition.GROUPED


class Placing:
    """Opens alerts: mutes first, then the rule, then the incident of the group, and in a storm the storm's."""

    def __init__(self, component_label: str) -> None:
        self._component_label = component_label
        self._finding = Finding(component_label)

    async def open(self, batch: AlertBatch, work: Work, positions: Sequence[int]) -> int:
        """Opens an alert for each of these reports; returns how many of them may become or join incidents."""
        mutes = await mutes_of(batch, work, positions)
        places = self._places(work, positions, mutes)
        await self._find(batch, work, places)
        new = self._alerts(work, places, mutes)
        storm = work.routing.storm
        await batch.open(new, work.routing.rules.revision, storm.id if storm else None)
        if work.sources:
            await batch.note_sources([work.reports.fingerprints[at] for at in work.sources])
            work.sources.clear()
        return len(positions) - len(mutes)

    async def place_again(self, batch: AlertBatch, work: Work, positions: Sequence[int], ids: Mapping[int, UUID]) -> None:
        """Places alerts that were opened before and kept out of incidents, as if they had come now; `ids` are theirs."""
        places = self._places(work, positions, {})
        await self._find(batch, work, places)
        placed = []
        for place in places.values():
            joining = place.joining
            for at in place.positions:
                placed.append(
                    Placed(
                        work.reports.fingerprints[at],
                        joining.before.id if joining else None,
                        place.disposition,
                        place.placement.key,
                        place.placement.rule.name,
                        work.routing.rules.revision,
                    )
                )
                if joining is not None:
                    self._tell(joining, work, at, ids[at], work.reports.starts[at] or work.now)
        await batch.place(placed)

    def _places(self, work: Work, positions: Sequence[int], mutes: Mapping[int, Mute]) -> dict[str, Place]:
        """Returns the groups of the alerts that are not muted, in the order in which they came."""
        reports, rules, places = work.reports, work.routing.rules, dict[str, Place]()
        for at in positions:
            if at in mutes:
                continue
            placement = rules.place(reports.labels[at], reports.annotations[at], reports.sources[at], reports.fingerprints[at].hex)
            place = places.get(placement.key)
            if place is None:
                place = places[placement.key] = Place(placement)
            place.positions.append(at)
            begin = reports.starts[at] or work.now
            if place.first_start is None or begin < place.first_start:
                place.first_start = begin
        for place in places.values():
            rules.counts.note(place.placement.rule.index, len(place.positions))
        return places

    async def _find(self, batch: AlertBatch, work: Work, places: Mapping[str, Place]) -> None:
        """Finds or opens the incident of each group; without one a group waits for its threshold, or goes to the storm's."""
        if not places:
            return
        current = await batch.groups(list(places))
        wanted = {*current.values(), *work.joinings}
        storm = work.routing.storm
        if storm is not None:
            wanted.add(storm.incident_id)
        held = {each: joining.before for each, joining in work.joinings.items()}
        incidents = {**(await batch.incidents([each for each in wanted if each not in held])), **held}
        claimed: dict[str, UUID] = {}
        pointed: dict[str, UUID] = {}
        for key, place in places.items():
            incident = incidents.get(current[key]) if key in current else None
            assert place.first_start is not None
            if incident is not None and belongs(incident, place.first_start):
                place.joining = work.joining(incident, place.positions[0])
                if reaches_back(incident, place.first_start):
                    work.rearrange[key] = group_at(place.placement, work.routing.rules.revision)
                continue
            if storm is not None:
                place.disposition = Disposition.SUMMARISED
                place.joining = work.joining(incidents[storm.incident_id], place.positions[0])
                continue
            if not await self._open_incident(batch, work, place, incident):
                continue
            assert place.joining is not None
            (pointed if key in current else claimed)[key] = place.joining.before.id
        if claimed:
            await batch.claim(claimed)
        if pointed:
            await batch.point(pointed)

    async def _open_incident(self, batch: AlertBatch, work: Work, place: Place, before: Incident | None) -> bool:
        """Finds an incident by dependency or likeness, or opens one; returns whether the place has one now."""
        rule = place.placement.rule
        if rule.threshold is not None and not await self._is_reached(batch, work, place, rule):
            place.disposition = Disposition.HELD
            return False
        found = await self._finding.elsewhere(batch, work, place.placement, place.positions[0])
        if found is None:
            found = self._opened(work, place)
            if before is not None and place.first_start is not None and place.first_start < before.opened_at:
                # It came late, and belongs before the group's last incident: event time decides how they part.
                work.rearrange[place.placement.key] = group_at(place.placement, work.routing.rules.revision)
            place.joining = work.joining(found, place.positions[0])
            await self._finding.gather_dependents(batch, work, place.placement, place.joining, place.positions[0])
        else:
            place.joining = work.joining(found, place.positions[0])
        if rule.threshold is not None:
            await self._release(batch, place)
        return True

    def _opened(self, work: Work, place: Place) -> Incident:
        at, placement, reports = place.positions[0], place.placement, work.reports
        group = group_at(placement, work.routing.rules.revision)
        made = opened(reports.labels[at], reports.annotations[at], reports.starts[at] or work.now, group, work.now)
        work.new[made.id] = made
        return made

    async def _is_reached(self, batch: AlertBatch, work: Work, place: Place, rule: GroupingRule) -> bool:
        assert rule.threshold is not None
        begins = [work.reports.starts[at] or work.now for at in place.positions]
        latest = max(begins)
        waiting = await batch.held_starts(place.placement.key, latest - rule.threshold.within)
        return reached([*waiting, *begins], rule.threshold, latest)

    async def _release(self, batch: AlertBatch, place: Place) -> None:
        """Takes the alerts that were held for this group into its incident."""
        assert place.joining is not None
        incident = place.joining.before
        for begin, end, alert_id in await batch.release_held(place.placement.key, incident.id):
            place.joining.opened += 1
            place.joining.begin(begin)
            if end is not None:
                place.joining.end(end)
            place.joining.alerts.append(alert_id)

    def _alerts(self, work: Work, places: Mapping[str, Place], mutes: Mapping[int, Mute]) -> NewAlerts:
        """Returns the alerts to be opened, and tells their incidents and receipts."""
        count = sum(len(place.positions) for place in places.values()) + len(mutes)
        ids = new_ids(work.now, count)
        # Ids in the order of the reports: what came at once is listed as it was told.
        by_position: dict[int, tuple[Place | None, Mute | None]] = {at: (None, mute) for at, mute in mutes.items()}
        for place in places.values():
            pair = (place, None)
            for at in place.positions:
                by_position[at] = pair
        new = NewAlerts()
        for alert_id, at in zip(ids, sorted(by_position), strict=True):
            self._add(new, work, at, alert_id, *by_position[at])
        return new

    def _add(self, new: NewAlerts, work: Work, at: int, alert_id: UUID, place: Place | None, mute: Mute | None) -> None:
        reports = work.reports
        begin = reports.starts[at] or work.now
        joining = place.joining if place is not None else None
        incident_id = joining.before.id if joining is not None else None
        disposition = place.disposition if place is not None else Disposition.MUTED
        new.fingerprints.append(reports.fingerprints[at])
        new.ids.append(alert_id)
        new.incident_ids.append(incident_id)
        new.dispositions.append(disposition)
        new.starts.append(begin)
        new.stamps.append(reports.stamps[at])
        new.sources.append(reports.sources[at])
        new.labels.append(reports.label_texts[at])
        new.annotations.append(reports.annotation_texts[at])
        new.urls.append(reports.urls[at])
        new.group_keys.append(place.placement.key if place is not None else "")
        new.rules.append(place.placement.rule.name if place is not None else "")
        new.mutes.append(mute.name if mute is not None else "")
        new.mute_versions.append(mute.version if mute is not None else 0)
        new.flapping.append(at in work.flapping)
        receipts = work.receipts
        receipts.alert_ids[at] = alert_id
        receipts.incident_ids[at] = incident_id
        receipts.outcomes[at] = OPENING[disposition]
        if joining is not None:
            self._tell(joining, work, at, alert_id, begin)

    def _tell(self, joining: Joining, work: Work, at: int, alert_id: UUID, begin: datetime) -> None:
        """Tells an incident of an alert that opened in it."""
        reports = work.reports
        joining.opened += 1
        joining.flapping += at in work.flapping
        joining.begin(begin)
        if len(joining.alerts) < MOST_NAMED:
            joining.alerts.append(alert_id)
        component = reports.labels[at].get(self._component_label)
        if component and joining.before.kind is not IncidentKind.STORM:  # a storm's would be all there are
            joining.components.add(component)
        joining.sources[reports.sources[at]] = None
        joining.describe(reports.annotations[at], reports.annotation_texts[at])
