"""Placing: which incident each new alert goes into, or what keeps it out of one."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from services.intake.domain.alert import OPENING, Disposition
from services.intake.domain.gathering import belongs, reaches_back
from services.intake.domain.grouping_rule import GroupingRule, Placement
from services.intake.domain.incident import Incident, IncidentKind
from services.intake.domain.muting import Mute
from services.intake.domain.threshold import reached
from services.intake.storage.alert_batch import AlertBatch
from services.intake.storage.batch_rows import Placed
from services.intake.storage.copying import NewAlerts, Whereabouts
from services.intake.usecases.finding import Finding
from services.intake.usecases.joining import MOST_NAMED, group_at, opened
from services.intake.usecases.muting_check import mutes_of
from services.intake.usecases.place import Place
from services.intake.usecases.standing import place_quietly
from services.intake.usecases.work import Work
from shared.ids import new_ids

Value = TypeVar("Value")


class Placing:
    """Opens alerts: mutes first, then the rule, then the incident of the group, and in a storm the storm's."""

    def __init__(self, component_label: str) -> None:
        self._component_label = component_label
        self._finding = Finding(component_label)

    async def open(self, batch: AlertBatch, work: Work, positions: Sequence[int]) -> int:
        """Opens an alert for each of these reports; returns how many of them may become or join incidents."""
        mutes = await mutes_of(batch, work, positions)
        places = self._places(work, positions, mutes)
        await self._find(batch, work, await place_quietly(batch, work, places, self._component_label))
        ids = new_ids(work.now, len(positions))
        self._tell(work, places.values(), dict(zip(positions, ids, strict=True)))
        storm = work.routing.storm
        new = self._columns(work, positions, places.values(), mutes, ids)
        await batch.open(new, work.routing.rules.revision, storm.id if storm else None)
        if work.sources:
            await batch.note_sources([work.reports.fingerprints[at] for at in work.sources])
            work.sources.clear()
        return len(positions) - len(mutes)

    async def land(self, batch: AlertBatch, work: Work, placement: Placement) -> Place:
        """Returns where the only report of this work would go by this placement. What it writes on the way the caller must take back."""
        place = Place(placement, [0], work.reports.starts[0])
        await self._find(batch, work, {placement.key: place})
        return place

    def looks_beyond(self, work: Work, at: int) -> bool:
        """Whether the rule of this report asks for more than its group: how many came, what fails, or what was told in like words."""
        reports = work.reports
        rule = work.routing.rules.place(reports.labels[at], reports.annotations[at], reports.sources[at], reports.fingerprints[at].hex).rule
        return rule.threshold is not None or rule.dependencies or rule.similarity is not None

    async def place_again(self, batch: AlertBatch, work: Work, positions: Sequence[int], ids: Mapping[int, UUID]) -> None:
        """Places alerts that were opened before and kept out of incidents, as if they had come now; `ids` are theirs."""
        places = self._places(work, positions, {})
        await self._find(batch, work, places)
        self._tell(work, places.values(), ids)
        placed = [
            Placed(
                work.reports.fingerprints[at],
                place.incident_id,
                place.disposition,
                place.placement.key,
                place.placement.rule.name,
                work.routing.rules.revision,
            )
            for place in places.values()
            for at in place.positions
        ]
        await batch.place(placed)

    def _places(self, work: Work, positions: Sequence[int], mutes: Mapping[int, Mute]) -> dict[str, Place]:
        """Returns the groups of the alerts that are not muted, in the order in which they came."""
        reports, rules, places = work.reports, work.routing.rules, dict[str, Place]()
        labels, annotations, sources, signals, starts = (
            reports.labels,
            reports.annotations,
            reports.sources,
            reports.fingerprints,
            reports.starts,
        )
        for at in positions:
            if at in mutes:
                continue
            placement = rules.place(labels[at], annotations[at], sources[at], signals[at].hex)
            place = places.get(placement.key)
            if place is None:
                place = places[placement.key] = Place(placement)
            place.add(at, starts[at] or work.now)
        for place in places.values():
            work.matched[place.placement.rule.index] += len(place.positions)
        return places

    async def _find(self, batch: AlertBatch, work: Work, places: Mapping[str, Place]) -> None:
        """Finds or opens the incident of each group; without one a group waits for its threshold, or goes to the storm's."""
        if not places:
            return
        current = await batch.groups(list(places))
        counting = [key for key, place in places.items() if place.placement.rule.threshold is not None and key not in current]
        if counting:
            # Another batch may hold alerts of these groups at this moment: each must count the other's, and find what it opens.
            await batch.take_turns(counting)
            current |= await batch.groups(counting)
        wanted = {*current.values(), *work.joinings}
        storm = work.routing.storm
        if storm is not None:
            wanted.add(storm.incident_id)
        # What ended or fired again in this batch counts: it decides whether an incident still lasts.
        held = {each: joining.so_far(work.now) for each, joining in work.joinings.items()}
        incidents = {**(await batch.incidents([each for each in wanted if each not in held])), **held}
        claimed: dict[str, UUID] = {}
        pointed: dict[str, UUID] = {}
        for key, place in self._in_order(work, places):
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

    def _in_order(self, work: Work, places: Mapping[str, Place]) -> list[tuple[str, Place]]:
        """Returns the groups in their order, but components before those that depend on them: whatever their order, they end alike."""
        if not any(place.placement.rule.dependencies for place in places.values()):
            return list(places.items())
        components = {key: work.reports.labels[place.positions[0]].get(self._component_label, "") for key, place in places.items()}
        failing, graph = set(components.values()), work.routing.graph
        needed = {each: len(failing.intersection(graph.dependencies_of(each))) for each in failing}
        return sorted(places.items(), key=lambda pair: needed[components[pair[0]]])

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
            await self._release(batch, place, _latest(work, place) - rule.threshold.within)
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
        latest = _latest(work, place)
        waiting = await batch.held_starts(place.placement.key, latest - rule.threshold.within)
        return reached([*waiting, *begins], rule.threshold, latest)

    async def _release(self, batch: AlertBatch, place: Place, since: datetime) -> None:
        """Takes the alerts that were held for this group into its incident; of those in the history what began since then."""
        assert place.joining is not None
        incident = place.joining.before
        for begin, end, alert_id in await batch.release_held(place.placement.key, incident.id, since):
            place.joining.opened += 1
            place.joining.begin(begin)
            if end is not None:
                place.joining.end(end)
            place.joining.alerts.append(alert_id)

    def _columns(
        self, work: Work, positions: Sequence[int], places: Collection[Place], mutes: Mapping[int, Mute], ids: Sequence[UUID]
    ) -> NewAlerts:
        """Returns the alerts to be opened, and notes their receipts. Ids are in the order of the reports, as they were told."""
        reports, receipts = work.reports, work.receipts
        count = len(reports)
        owners: list[Place | None] = [None] * count
        for each in places:
            for at in each.positions:
                owners[at] = each
        where: dict[int, Whereabouts] = {id(place): _where(place) for place in places}
        chosen: list[Whereabouts] = []
        for at, alert_id in zip(positions, ids, strict=True):
            place = owners[at]
            found = where[id(place)] if place is not None else _muted(mutes[at])
            chosen.append(found)
            receipts.alert_ids[at] = alert_id
            receipts.incident_ids[at] = found.incident_id
            receipts.outcomes[at] = OPENING[found.disposition]
        whole = len(positions) == count

        def column(values: list[Value]) -> list[Value]:
            return values if whole else [values[at] for at in positions]

        return NewAlerts(
            fingerprints=column(reports.fingerprints),
            ids=ids,
            stamps=column(reports.stamps),
            starts=column(reports.starts),
            labels=column(reports.label_texts),
            annotations=column(reports.annotation_texts),
            whereabouts=chosen,
            sources=column(reports.sources),
            urls=column(reports.urls),
            flapping=[at in work.flapping for at in positions] if work.flapping else [False] * len(positions),
        )

    def _tell(self, work: Work, places: Collection[Place], ids: Mapping[int, UUID]) -> None:
        """Tells the incidents of the alerts that opened in them."""
        reports, label = work.reports, self._component_label
        labels, annotations, texts, sources = reports.labels, reports.annotations, reports.annotation_texts, reports.sources
        for place in places:
            joining, positions = place.joining, place.positions
            if joining is None:
                continue
            assert place.first_start is not None
            assert place.last_start is not None
            joining.opened += len(positions)
            joining.begin(place.first_start)
            joining.begin(place.last_start)
            room = MOST_NAMED - len(joining.alerts)
            if room > 0:
                joining.alerts += [ids[at] for at in positions[:room]]
            if joining.before.kind is not IncidentKind.STORM:  # a storm's would be all there are
                joining.components.update(named for at in positions if (named := labels[at].get(label)))
            joining.sources.update(dict.fromkeys(sources[at] for at in positions))
            if work.flapping:
                joining.flapping += sum(at in work.flapping for at in positions)
            for at in sorted(work.pasts.keys() & set(positions)) if work.pasts else ():
                joining.flap(work.pasts[at])
            for at in sorted(work.telling.intersection(positions)):
                joining.describe(annotations[at], texts[at])


def _where(place: Place) -> Whereabouts:
    return Whereabouts(place.incident_id, place.disposition, place.placement.key, place.placement.rule.name)


def _muted(mute: Mute) -> Whereabouts:
    return Whereabouts(None, Disposition.MUTED, "", "", mute.name, mute.version)


def _latest(work: Work, place: Place) -> datetime:
    return max(work.reports.starts[at] or work.now for at in place.positions)
