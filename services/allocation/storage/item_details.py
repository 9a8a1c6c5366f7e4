"""Details of roadmap items as JSON: numbers that must stay exact as strings, durations in seconds; nothing for an item without any."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from services.allocation.domain.delay_cost import CostChange
from services.allocation.domain.effort import Effort, LognormalEffort, ThreePointEffort
from services.allocation.domain.roadmap import ItemDetails

Document = dict[str, Any]


def details_from_json(document: Document) -> ItemDetails:
    return ItemDetails(
        effort=_effort_from_json(document["effort"]) if "effort" in document else None,
        cost_changes=tuple(_change_from_json(each) for each in document.get("cost_changes", ())),
        skills=tuple((skill, Decimal(needed)) for skill, needed in document.get("skills", ())),
        cross_team_dependencies=tuple(document.get("cross_team_dependencies", ())),
    )


def details_to_json(details: ItemDetails) -> Document:
    document: Document = {}
    if details.effort:
        document["effort"] = _effort_to_json(details.effort)
    if details.cost_changes:
        document["cost_changes"] = [_change_to_json(each) for each in details.cost_changes]
    if details.skills:
        document["skills"] = [[skill, str(needed)] for skill, needed in details.skills]
    if details.cross_team_dependencies:
        document["cross_team_dependencies"] = list(details.cross_team_dependencies)
    return document


def _effort_from_json(document: Document) -> Effort:
    if "median" in document:
        return LognormalEffort(Decimal(document["median"]), Decimal(document["sigma"]))
    return ThreePointEffort(Decimal(document["low"]), Decimal(document["likely"]), Decimal(document["high"]))


def _effort_to_json(effort: Effort) -> Document:
    if isinstance(effort, LognormalEffort):
        return {"median": str(effort.median), "sigma": str(effort.sigma)}
    return {"low": str(effort.low), "likely": str(effort.likely), "high": str(effort.high)}


def _change_from_json(document: Document) -> CostChange:
    half_life = document["half_life"]
    return CostChange(
        datetime.fromisoformat(document["from_at"]),
        Decimal(document["per_week"]),
        timedelta(seconds=half_life) if half_life is not None else None,
    )


def _change_to_json(change: CostChange) -> Document:
    half_life = change.half_life.total_seconds() if change.half_life is not None else None
    return {"from_at": change.from_at.isoformat(), "per_week": str(change.per_week), "half_life": half_life}
