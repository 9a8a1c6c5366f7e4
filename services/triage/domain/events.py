"""What triage tells others."""

from dataclasses import dataclass
from datetime import datetime

from services.triage.domain.assessment import Assessment
from services.triage.domain.component import StoredComponent
from services.triage.domain.drift import CalibrationDrift, InputDrift
from services.triage.domain.escalation import Escalation
from services.triage.domain.gate import GatesRevision
from services.triage.domain.model import ScoringModel
from services.triage.domain.severity import Severity
from services.triage.domain.severity_matrix import MatrixRevision
from services.triage.domain.slo import StoredSlo


@dataclass(frozen=True, slots=True)
class AssessmentMade:
    assessment: Assessment
    previous_severity: Severity | None  # None for the first revision


@dataclass(frozen=True, slots=True)
class ComponentChanged:
    stored: StoredComponent


@dataclass(frozen=True, slots=True)
class SeverityMatrixChanged:
    matrix: MatrixRevision


@dataclass(frozen=True, slots=True)
class GatingRulesChanged:
    gates: GatesRevision


@dataclass(frozen=True, slots=True)
class InputDrifted:
    """A drift of an input began."""

    drift: InputDrift
    reference_count: int
    onset: int  # 1 for the first drift of this input, one more for each
    detected_at: datetime


@dataclass(frozen=True, slots=True)
class CalibrationDrifted:
    """A drift of calibration began."""

    drift: CalibrationDrift
    model: ScoringModel
    onset: int
    detected_at: datetime


@dataclass(frozen=True, slots=True)
class EscalationDue:
    escalation: Escalation


@dataclass(frozen=True, slots=True)
class SloChanged:
    stored: StoredSlo  # of a deletion, as it was last, at the revision of its deletion
    is_deleted: bool = False


Event = (
    AssessmentMade
    | ComponentChanged
    | SeverityMatrixChanged
    | GatingRulesChanged
    | InputDrifted
    | CalibrationDrifted
    | EscalationDue
    | SloChanged
)
