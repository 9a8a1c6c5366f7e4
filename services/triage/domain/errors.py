"""What triage refuses, and why.

InvalidInput        CatalogueTooLarge, DependencyCycle, MatrixIncomplete, MatrixNotMonotone, ThresholdsNotRising, GatesRefused,
                    PeriodInvalid, SloBundleTooLarge, AdjustmentRefused, BudgetPolicyRefused
NotFound            ComponentNotFound, ComponentRevisionNotFound, MatrixRevisionNotFound, GatesRevisionNotFound, AssessmentNotFound,
                    ScoringModelNotFound, SloNotFound, SloRevisionNotFound, SloDocumentNotFound,
                    BudgetPolicyRevisionNotFound, BudgetIncidentNotFound
PreconditionFailed  IncidentNotHeld, TooFewLabels
"""

from collections.abc import Sequence

from shared.errors import InvalidInput, NotFound, PreconditionFailed, Violation


class DependencyCycle(InvalidInput):
    """Components need each other in a circle, so none of them could ever be said to stand on the others."""

    reason = "DEPENDENCY_CYCLE"

    def __init__(self, cycle: Sequence[str], field: str = "components.dependencies") -> None:
        path = " -> ".join(cycle)
        rule = f"{path} is a cycle; remove one of these dependencies"
        super().__init__(f"{field}: {rule}", [Violation(field, rule)], metadata={"cycle": path})


class ComponentNotFound(NotFound):
    reason = "COMPONENT_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"name: {name} is not in the catalogue; store it with UpsertComponents or ImportCatalogue", metadata={"name": name}
        )


class ComponentRevisionNotFound(NotFound):
    reason = "COMPONENT_REVISION_NOT_FOUND"

    def __init__(self, name: str, revision: int) -> None:
        super().__init__(
            f"revision: there is no revision {revision} of {name}; ListComponentRevisions lists those there are",
            metadata={"name": name, "revision": str(revision)},
        )


class CatalogueTooLarge(InvalidInput):
    reason = "CATALOGUE_TOO_LARGE"

    def __init__(self, count: int, most: int) -> None:
        rule = f"hold more than {most:,} documents ({count:,}); import them in parts"
        super().__init__(f"files: {rule}", [Violation("files", rule)])


class MatrixRefused(InvalidInput):
    """What the three refusals of a severity matrix share: the field at fault and the rule it breaks."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}", [Violation(field, rule)])


class MatrixIncomplete(MatrixRefused):
    reason = "MATRIX_INCOMPLETE"


class MatrixNotMonotone(MatrixRefused):
    reason = "MATRIX_NOT_MONOTONE"


class ThresholdsNotRising(MatrixRefused):
    reason = "THRESHOLDS_NOT_RISING"


class GatesRefused(InvalidInput):
    """Rules that cannot be asked; `found` has the field and the rule of each thing wrong."""

    reason = "GATES_REFUSED"

    def __init__(self, found: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{field}: {rule}" for field, rule in found), [Violation(field, rule) for field, rule in found])


class GatesRevisionNotFound(NotFound):
    reason = "GATES_REVISION_NOT_FOUND"

    def __init__(self, revision: int) -> None:
        super().__init__(
            f"revision: there are no gating rules {revision}; ListGatingRulesRevisions lists those there are",
            metadata={"revision": str(revision)},
        )


class MatrixRevisionNotFound(NotFound):
    reason = "MATRIX_REVISION_NOT_FOUND"

    def __init__(self, revision: int) -> None:
        super().__init__(
            f"revision: there is no severity matrix {revision}; ListSeverityMatrixRevisions lists those there are",
            metadata={"revision": str(revision)},
        )


class AssessmentNotFound(NotFound):
    reason = "ASSESSMENT_NOT_FOUND"

    def __init__(self, name: str, revision: int = 0) -> None:
        wanted = f"revision {revision} of {name}" if revision else name
        super().__init__(
            f"name: there is no assessment {wanted}; ListAssessments lists those there are",
            metadata={"name": name, "revision": str(revision)},
        )


class IncidentNotHeld(PreconditionFailed):
    """It was assessed before triage kept what it takes to assess an incident again."""

    reason = "INCIDENT_NOT_HELD"

    def __init__(self, name: str) -> None:
        super().__init__(f"name: {name} cannot be judged anew until its incident changes; try again then", metadata={"name": name})


class ScoringModelNotFound(NotFound):
    reason = "SCORING_MODEL_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"name: there is no {name}; ListScoringModels lists those there are", metadata={"name": name})


class TooFewLabels(PreconditionFailed):
    """There are not enough incidents with a final severity to learn weights from."""

    reason = "TOO_FEW_LABELS"

    def __init__(self, why: str) -> None:
        super().__init__(f"{why}; give incidents a severity when they are over, then fit again")


class PeriodInvalid(InvalidInput):
    reason = "PERIOD_INVALID"

    def __init__(self, field: str) -> None:
        rule = "is not after start_time, so no incident can have ended between them; give a later end, or leave one of them out"
        super().__init__(f"{field}: {rule}", [Violation(field, rule)])


class SloBundleTooLarge(InvalidInput):
    reason = "SLO_BUNDLE_TOO_LARGE"

    def __init__(self, most: int) -> None:
        rule = f"holds more than {most:,} documents; import them in parts, those that others refer to first"
        super().__init__(f"yaml: {rule}", [Violation("yaml", rule)])


class SloNotFound(NotFound):
    reason = "SLO_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"name: there is no {name}; store it with ImportSlos", metadata={"name": name})


class SloRevisionNotFound(NotFound):
    reason = "SLO_REVISION_NOT_FOUND"

    def __init__(self, name: str, revision: int) -> None:
        super().__init__(
            f"revision: there is no revision {revision} of {name}; ListSloRevisions lists those there are",
            metadata={"name": name, "revision": str(revision)},
        )


class SloDocumentNotFound(NotFound):
    reason = "SLO_DOCUMENT_NOT_FOUND"

    def __init__(self, name: str, revision: int = 0) -> None:
        wanted = f"revision {revision} of {name}" if revision else name
        super().__init__(
            f"name: there is no document {wanted}; ListSloDocuments and ListSlos list those there are",
            metadata={"name": name, "revision": str(revision)},
        )


# Error budgets.


class AdjustmentRefused(InvalidInput):
    """An adjustment that cannot be: every field at fault."""

    reason = "ADJUSTMENT_REFUSED"

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("; ".join(f"{each.field}: {each.description}" for each in violations), violations)


class BudgetPolicyRefused(InvalidInput):
    """A budget policy that cannot be: every field at fault."""

    reason = "BUDGET_POLICY_REFUSED"

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("; ".join(f"{each.field}: {each.description}" for each in violations), violations)


class BudgetPolicyRevisionNotFound(NotFound):
    reason = "BUDGET_POLICY_REVISION_NOT_FOUND"

    def __init__(self, revision: int) -> None:
        super().__init__(
            f"revision: there is no budget policy {revision}; ListBudgetPolicyRevisions lists those there are",
            metadata={"revision": str(revision)},
        )


class BudgetIncidentNotFound(NotFound):
    reason = "INCIDENT_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"incident: triage has not heard of {name}; wait for its event, or mend the name", metadata={"name": name})
