"""What triage tells others."""

from dataclasses import dataclass

from services.triage.domain.assessment import Assessment
from services.triage.domain.component import StoredComponent
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
class SloChanged:
    stored: StoredSlo  # of a deletion, as it was last, at the revision of its deletion
    is_deleted: bool = False


Event = AssessmentMade | ComponentChanged | SeverityMatrixChanged | SloChanged
