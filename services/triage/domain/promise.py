"""Promises: the time to restore an incident is owed, and the money an hour of it costs."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from services.triage.domain.component import Component, Tier
from services.triage.domain.incident import ServiceImpact
from services.triage.domain.severity import Severity
from services.triage.domain.severity_matrix import SeverityMatrix
from shared.money import Money

# Time to restore in practice: under one hour for critical components, under four for others.
_CRITICAL_AT_MOST = timedelta(hours=1)
_OTHERS_AT_MOST = timedelta(hours=4)

_EXTENT = {ServiceImpact.OUTAGE: Decimal(1), ServiceImpact.DISRUPTION: Decimal("0.3"), ServiceImpact.INFORMATION: Decimal(0)}
"""Share of the revenue that is lost; 0.3 for a disruption is a judgement, to be replaced by what post-mortems find."""


def restore_target(severity: Severity, components: Sequence[Component], matrix: SeverityMatrix) -> timedelta:
    """Returns the matrix's target, tightened for what pages (SEV1 to SEV3): to one hour for a critical component, else to four."""
    target = matrix.target_of(severity).time_to_restore
    if severity > Severity.SEV3:
        return target
    critical = any(component.tier is Tier.CRITICAL for component in components)
    return min(target, _CRITICAL_AT_MOST if critical else _OTHERS_AT_MOST)


def expected_loss_per_hour(components: Sequence[Component], service_impact: ServiceImpact | None) -> Money | None:
    """Returns revenue per minute · 60 · extent over the components whose revenue is known: a lower bound where some is not.

    None when the service impact or all revenue is unknown, or when it is in several currencies, which do not add up.
    """
    revenues = [component.revenue_per_minute for component in components if component.revenue_per_minute is not None]
    if service_impact is None or len({money.currency for money in revenues}) != 1:
        return None
    total = sum((money.amount for money in revenues), Decimal(0))
    return Money(total, revenues[0].currency).times(60 * _EXTENT[service_impact])
