"""Rows of components and matrices to domain values and back."""

from datetime import timedelta
from typing import Any

from services.triage.domain.component import Component, StoredComponent, Tier
from services.triage.domain.severity import Level, Severity
from services.triage.domain.severity_matrix import SeverityCell, SeverityMatrix, SeverityTarget
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
        "created_at": stored.create_time,
        "updated_at": stored.update_time,
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
