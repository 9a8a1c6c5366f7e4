"""Rows of components and matrices to domain values and back."""

from datetime import date, time, timedelta
from typing import Any

from services.triage.domain.component import Component, StoredComponent, Tier
from services.triage.domain.severity import Level, Severity
from services.triage.domain.severity_floor import floors_from_text
from services.triage.domain.severity_matrix import SeverityCell, SeverityMatrix, SeverityTarget
from shared.business_hours import BusinessHours
from shared.money import Money


def component_from_row(row: Any) -> StoredComponent:
    component = Component(
        name=row.name,
        display_name=row.display_name,
        owner_team=row.owner_team,
        tier=None if row.tier is None else Tier(row.tier),
        revenue_per_minute=None if row.revenue_amount is None else Money(row.revenue_amount, row.revenue_currency),
        dependencies=tuple(row.dependencies),
        users=row.users,
        system=row.system,
        lifecycle=row.lifecycle,
        namespace=row.namespace,
        labels=tuple(sorted(row.labels.items())),
        resources=tuple(row.resources),
        business_hours=None if row.business_hours is None else hours_from_json(row.business_hours),
        severity_floors=floors_from_text(row.severity_floors) if row.severity_floors else (),
    )
    return StoredComponent(component, row.version, row.created_at, row.updated_at)


def component_to_row(stored: StoredComponent) -> dict[str, Any]:
    component = stored.component
    money = component.revenue_per_minute
    return {
        "name": component.name,
        "version": stored.version,
        "display_name": component.display_name,
        "owner_team": component.owner_team,
        "tier": None if component.tier is None else component.tier.value,
        "revenue_amount": None if money is None else money.amount,
        "revenue_currency": None if money is None else money.currency,
        "dependencies": list(component.dependencies),
        "users": component.users,
        "system": component.system,
        "lifecycle": component.lifecycle,
        "namespace": component.namespace,
        "labels": dict(component.labels),
        "resources": list(component.resources),
        "business_hours": None if component.business_hours is None else hours_to_json(component.business_hours),
        "severity_floors": ", ".join(floor.text for floor in component.severity_floors),
        "created_at": stored.create_time,
        "updated_at": stored.update_time,
    }


def hours_from_json(stored: dict[str, Any]) -> BusinessHours:
    return BusinessHours(
        stored["time_zone"],
        tuple(stored["days"]),
        time.fromisoformat(stored["opens"]),
        time.fromisoformat(stored["closes"]),
        tuple(date.fromisoformat(each) for each in stored["holidays"]),
    )


def hours_to_json(hours: BusinessHours) -> dict[str, Any]:
    return {
        "time_zone": hours.time_zone,
        "days": list(hours.days),
        "opens": hours.opens.isoformat(),
        "closes": hours.closes.isoformat(),
        "holidays": [each.isoformat() for each in hours.holidays],
    }


def matrix_from_json(stored: dict[str, Any]) -> SeverityMatrix:
    return SeverityMatrix(
        cells=tuple(SeverityCell(Level[impact], Level[urgency], Severity[severity]) for impact, urgency, severity in stored["cells"]),
        impact_thresholds=tuple(stored["impact_thresholds"]),
        urgency_thresholds=tuple(stored["urgency_thresholds"]),
        targets=tuple(
            SeverityTarget(Severity[severity], timedelta(seconds=restore), timedelta(seconds=report))
            for severity, restore, report in stored["targets"]
        ),
    )


def matrix_to_json(matrix: SeverityMatrix) -> dict[str, Any]:
    return {
        "cells": [[cell.impact.name, cell.urgency.name, cell.severity.name] for cell in matrix.cells],
        "impact_thresholds": list(matrix.impact_thresholds),
        "urgency_thresholds": list(matrix.urgency_thresholds),
        "targets": [
            [target.severity.name, target.time_to_restore.total_seconds(), target.report_every.total_seconds()] for target in matrix.targets
        ],
    }
