"""The impact of a decision: what lineage and ledger hold of it now."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from services.governance.domain.errors import NodeNotFound
from services.governance.domain.fact import Fact
from services.governance.domain.impact import (
    DisplacedSince,
    Impact,
    IncidentSince,
    KpiSince,
    Later,
    by_value,
    delay_of,
    incident_since,
    value_of,
    values_of,
)
from services.governance.domain.lineage import Node, Relation
from services.governance.storage.impact_store import Beside, ImpactStore

ReadFact = Callable[[str, bytes], Fact | None]
"""Reads what an entry of a type with some data told."""

_MOST = 1000
_MOST_LATER = 20
_MOST_VALUES = 20
_MOST_TOLD = 20  # the newest of an incident: more than can be on its way in another order


class GetImpact:
    """Asks for each kind of consequence once, however many there are of it."""

    def __init__(self, store: ImpactStore, read: ReadFact) -> None:
        self._store = store
        self._read = read

    async def __call__(self, name: str) -> Impact:
        """Raises NodeNotFound."""
        decision = await self._store.decision(name)
        if decision is None:
            raise NodeNotFound(name)
        displaced = await self._store.led_to(name, Relation.DISPLACES.value, _MOST + 1)
        bundles = await self._store.led_to(name, Relation.RENDERED_AS.value, _MOST + 1)
        approvals = await self._store.led_to(name, Relation.APPROVED_BY.value, _MOST + 1)
        incidents = await self._store.incidents(name, _MOST + 1)
        kpis = await self._store.kpis([name, *(each.name for each in incidents[:_MOST])], _MOST + 1)
        return Impact(
            decision,
            displaced=await self._displaced(displaced[:_MOST]),
            incidents=await self._incidents(incidents[:_MOST]),
            bundles=tuple(each.node for each in bundles[:_MOST]),
            approvals=tuple(each.node for each in approvals[:_MOST]),
            is_partial=any(len(found) > _MOST for found in (displaced, bundles, approvals, incidents, kpis)),
            kpis=await self._kpis(name, kpis[:_MOST]),
        )

    async def _displaced(self, displaced: Sequence[Beside]) -> tuple[DisplacedSince, ...]:
        later: dict[str, list[Later]] = defaultdict(list)
        for each in await self._store.later([one.recorded for one in displaced], _MOST_LATER):
            recorded = each.recorded
            later[recorded.edge.to_name].append(Later(each.node, delay_of(recorded), recorded.create_time))
        return by_value(
            DisplacedSince(each.node, delay_of(each.recorded), value_of(each.recorded), tuple(later[each.node.name])) for each in displaced
        )

    async def _kpis(self, decision: str, kpis: Sequence[tuple[str, Node]]) -> tuple[KpiSince, ...]:
        since: dict[str, list[Fact | None]] = defaultdict(list)
        before: dict[str, list[Fact | None]] = defaultdict(list)
        for each in await self._store.values(decision, [kpi.name for _, kpi in kpis], 2 * _MOST_VALUES):
            (since if each.is_since else before)[each.name].append(self._read(each.type, each.payload))
        return tuple(
            KpiSince(kpi, measured_on, next(iter(values_of(before[kpi.name], 1)), None), values_of(since[kpi.name], _MOST_VALUES))
            for measured_on, kpi in kpis
        )

    async def _incidents(self, incidents: Sequence[Node]) -> tuple[IncidentSince, ...]:
        facts: dict[str, list[Fact | None]] = defaultdict(list)
        for name, type_, payload in await self._store.told([each.name for each in incidents], _MOST_TOLD):
            facts[name].append(self._read(type_, payload))
        return tuple(incident_since(each, facts[each.name]) for each in incidents)
