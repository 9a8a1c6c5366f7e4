"""The defaults: scoring model 2026.2, and the severity matrix seeded as revision 1.

The weights are set by judgement, not fitted: there are no severities given after the fact to fit them to yet. They are set so
that an outage of a critical component is SEV1 or SEV2, a disruption of a medium one SEV3, information SEV4 or SEV5, and an
incident of which nothing is known SEV3 ("if unsure take the higher"); tests/unit/test_triage_calibration.py holds the table.
"""

from datetime import timedelta

from services.triage.domain.component import Tier
from services.triage.domain.gate import GatingRule, Rules
from services.triage.domain.incident import ServiceImpact
from services.triage.domain.model import Axis, Feature, ScoringModel
from services.triage.domain.override import Override
from services.triage.domain.scale import DoublingScale, LogScale, RemainderScale, StepScale
from services.triage.domain.severity import Level, Severity
from services.triage.domain.severity_matrix import SeverityCell, SeverityMatrix, SeverityTarget

_IMPACT = (
    Feature(
        "service_impact",
        Axis.IMPACT,
        least=-2.25,
        most=2.25,
        when_missing=0.5,
        scale=StepScale(((ServiceImpact.INFORMATION, 0.0), (ServiceImpact.DISRUPTION, 0.5), (ServiceImpact.OUTAGE, 1.0))),
        reason="How far users are hindered weighs most: an outage hurts more than a disruption, information hurts nobody.",
        rises_if="the service impact is {}",
        drops_if="the service impact is no worse than {}",
    ),
    Feature(
        "tier",
        Axis.IMPACT,
        least=-0.75,
        most=0.75,
        when_missing=0.125,  # between medium and high
        scale=StepScale(((Tier.LOW, 0.0), (Tier.MEDIUM, 1 / 3), (Tier.HIGH, 2 / 3), (Tier.CRITICAL, 1.0))),
        reason="The more the organisation needs a component, the more its failure hurts; the most needed one counts.",
        rises_if="an affected component is of tier {}",
        drops_if="no affected component is above tier {}",
    ),
    Feature(
        "users_affected",
        Axis.IMPACT,
        least=-0.5,
        most=1.0,
        when_missing=0.125,  # as about 300 users
        scale=LogScale(full_at=1_000_000),
        reason="The more users are hindered, the more is hurt; counted by powers of ten, in full from 1,000,000.",
        rises_if="{} or more users are affected",
        drops_if="fewer than {} users are affected",
    ),
    Feature(
        "dependents",
        Axis.IMPACT,
        least=-0.125,
        most=0.375,
        when_missing=0.0625,  # as about three components
        scale=LogScale(full_at=31),
        reason="The more components need the affected ones, directly or through others, the further it spreads; in full from 31.",
        rises_if="{} or more components need the affected ones",
        drops_if="fewer than {} components need the affected ones",
    ),
    Feature(
        "components_affected",
        Axis.IMPACT,
        least=0.0,
        most=0.5,
        when_missing=0.125,  # as two components
        scale=LogScale(zero_at=1, full_at=16),
        reason="The more components are affected at once, the wider it is; in full from 16.",
        rises_if="{} or more components are affected",
        drops_if="fewer than {} components are affected",
    ),
)


def _revenue(currency: str) -> Feature:
    return Feature(
        "revenue_per_minute",
        Axis.IMPACT,
        least=-0.25,
        most=0.5,
        when_missing=0.0625,  # as about 120 a minute
        scale=LogScale(full_at=100_000),
        reason="The more revenue a minute without the components costs, the more is hurt; by powers of ten, in full from 100,000.",
        unit=f"{currency} a minute",
        rises_if=f"the components bring in {{}} {currency} or more a minute",
        drops_if=f"the components bring in less than {{}} {currency} a minute",
    )


_URGENCY = (
    Feature(
        "workaround",
        Axis.URGENCY,
        least=-0.625,
        most=0.625,
        when_missing=0.125,
        scale=StepScale(((True, 0.0), (False, 1.0))),
        reason="Users who can work around it can wait; users who cannot, cannot.",
        rises_if="users cannot work around it",
        drops_if="users can work around it",
    ),
    Feature(
        "burn_rate",
        Axis.URGENCY,
        least=-0.5,
        most=1.0,
        when_missing=0.125,  # as a burn rate of about 2
        # 14.4 spends 2 % of a 30-day budget in an hour, the highest paging threshold of the SRE workbook, table 5-8.
        scale=LogScale(full_at=14.4, step=0.1),
        reason="The faster the error budget burns, the less time is left; in full from 14.4, which spends 2 % of 30 days in an hour.",
        rises_if="the burn rate is {} or more",
        drops_if="the burn rate is below {}",
    ),
    Feature(
        "recent_change",
        Axis.URGENCY,
        least=-0.125,
        most=0.375,
        when_missing=0.0625,
        scale=StepScale(((False, 0.0), (True, 1.0))),
        reason="What began with a change of the hour before is likely to grow, and can be mended by taking the change back.",
        rises_if="a component changed within the hour before",
        drops_if="no component changed within the hour before",
    ),
    Feature(
        "alert_count",
        Axis.URGENCY,
        least=0.0,
        most=0.75,
        when_missing=0.125,  # never happens: an incident has at least one alert
        # By doublings, so that a storm makes a revision at each doubling and not at each alert.
        scale=DoublingScale(doublings=10),
        reason="The more alerts tell of it, the surer it is and the faster it spreads; by doublings, in full from 1,024.",
        rises_if="{} or more alerts tell of it",
        drops_if="fewer than {} alerts tell of it",
    ),
    Feature(
        "business_hours",
        Axis.URGENCY,
        least=-0.25,
        most=0.25,
        when_missing=0.25,
        scale=StepScale(((False, 0.0), (True, 1.0))),
        reason="In a component's business hours, else Monday to Friday, 08:00 to 18:00 UTC, more people wait; when it was opened counts.",
    ),
    Feature(
        "budget_used",
        Axis.URGENCY,
        least=-0.125,
        most=0.375,
        when_missing=0.0625,  # as about three tenths
        scale=LogScale(full_at=1, step=0.01),
        reason="The more of an error budget is used up, the less may still fail; the most used one counts, in full from all of it.",
        rises_if="{} or more of an error budget is used up",
        drops_if="less than {} of every error budget is used up",
    ),
    Feature(
        "recurrence",
        Axis.URGENCY,
        least=0.0,
        most=0.1875,  # half of what seemed right: see docs/decisions/0010
        when_missing=0.0625,  # never happens: what was assessed before is known
        scale=LogScale(full_at=10),
        reason="What happened again and again in the 28 days before was not mended, and goes on; in full from ten times.",
        rises_if="{} or more incidents of its class were opened in the 28 days before",
        drops_if="fewer than {} incidents of its class were opened in the 28 days before",
    ),
    Feature(
        "redundancy_left",
        Axis.URGENCY,
        least=-0.125,
        most=0.5,
        when_missing=0.0625,  # as about seven tenths
        scale=RemainderScale(step=0.01),
        reason="The less redundancy is left, the nearer is an outage; a share of replicas, zones or paths, in full where none is.",
        rises_if="{} or less of the redundancy is left",
        drops_if="more than {} of the redundancy is left",
    ),
    Feature(
        "flap_count",
        Axis.URGENCY,
        least=0.0,
        most=0.25,
        when_missing=0.0625,  # as once
        scale=LogScale(full_at=10),
        reason="What ended and began again is not over when it says so; the signal that did so most counts, in full from ten times.",
        rises_if="a signal ended and began again {} times or more",
        drops_if="every signal ended and began again fewer than {} times",
    ),
    Feature(
        "evidence_age",
        Axis.URGENCY,
        least=0.0,
        most=0.125,
        when_missing=0.0625,
        scale=LogScale(full_at=32),
        reason="What nobody told anything new of for hours may have grown unseen, and all that was told is less sure; in full from 32.",
        unit="h",
        rises_if="nothing new is told of it for {} hours or more",
        drops_if="something new is told of it within {} hours",
    ),
)

_OVERRIDES = (
    Override("SAFETY_RISK", "safety", Severity.SEV1, "people's safety is at risk", "nobody's safety is at risk"),
    Override("SECURITY_BREACH", "security", Severity.SEV1, "security is breached", "security is not breached"),
    Override("DATA_LOSS", "data_loss", Severity.SEV2, "data was lost or damaged", "no data was lost or damaged"),
)


def default_model(currency: str = "USD") -> ScoringModel:
    """Returns model 2026.2 with its revenue scale drawn in `currency`."""
    features = (*_IMPACT, _revenue(currency), *_URGENCY)
    return ScoringModel("2026.2", features, _OVERRIDES, offset=50.0, factor=8.0, currency=currency)


def default_gates() -> Rules:
    """What pages in practice: SEV3 and worse."""
    return (GatingRule("pages-the-owner", "assessment.severity <= 3", "SEV1 to SEV3 call the owner at once.", page=True),)


def default_matrix() -> SeverityMatrix:
    """Impact and urgency count alike, one step of either is one severity.

    Time to restore: under one hour for what is critical, under four for what else pages. Reports: every 2, 6 and 12 hours for
    high, medium and low. The one and three days of SEV4 and SEV5 are a choice: the first working day after, and the same week.
    """
    cells = tuple(SeverityCell(impact, urgency, Severity(7 - impact - urgency)) for impact in Level for urgency in Level)
    hours = {Severity.SEV1: (1, 2), Severity.SEV2: (4, 2), Severity.SEV3: (4, 6), Severity.SEV4: (24, 12), Severity.SEV5: (72, 12)}
    targets = tuple(
        SeverityTarget(severity, timedelta(hours=restore), timedelta(hours=report)) for severity, (restore, report) in hours.items()
    )
    return SeverityMatrix(cells, impact_thresholds=(-3.0, 17.0), urgency_thresholds=(-1.0, 7.0), targets=targets)
