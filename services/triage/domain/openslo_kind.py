"""The kinds of OpenSLO v1 document, and all the rules a document of each has to keep.

References go from SLO to SLI, Service and AlertPolicy, from SLI to DataSource, from AlertPolicy to AlertCondition and
AlertNotificationTarget, and nowhere else: no document can lead back to itself.
"""

from collections.abc import Mapping

from services.triage.domain.openslo_alerting import CONDITION_SPEC, POLICY_SPEC, TARGET_SPEC
from services.triage.domain.openslo_indicator import SLI_SPEC
from services.triage.domain.openslo_objective import OBJECTIVES, SLICED, TIME_WINDOW, is_composite
from services.triage.domain.openslo_parts import DESCRIPTION, NAME_TEXT, document, inline, inline_or_ref
from services.triage.domain.openslo_rule import Findings, Remark, Rule, anything, choice, exactly_one, given_of, items, kept, record, text
from services.triage.domain.openslo_tree import Path, Tree

SLO, SLI, SERVICE, DATA_SOURCE = "SLO", "SLI", "Service", "DataSource"
ALERT_POLICY, ALERT_CONDITION, ALERT_TARGET = "AlertPolicy", "AlertCondition", "AlertNotificationTarget"
_MOST_POLICIES = 100
_NEEDED_SLICES: Mapping[str, tuple[str, ...]] = {"Timeslices": SLICED, "RatioTimeslices": ("timeSliceWindow",)}


def _indicators(value: Tree, path: Path, findings: Findings) -> None:
    """An indicator stands once for the SLO, or once in each of its objectives."""
    objectives = value.get("objectives")
    if not is_composite(objectives):
        exactly_one("indicator", "indicatorRef")(value, path, findings)
        return
    for name in given_of(value, ("indicator", "indicatorRef")):
        findings.refuse((*path, name), "stands beside indicators of objectives; give one here, or one in each objective")
    for index, each in enumerate(objectives):
        exactly_one("indicator", "indicatorRef")(each, (*path, "objectives", index), findings)


def _slices(value: Tree, path: Path, findings: Findings) -> None:
    method, objectives = value.get("budgetingMethod"), value.get("objectives")
    needed = _NEEDED_SLICES.get(method, ()) if isinstance(method, str) else ()
    for index, each in enumerate(objectives if isinstance(objectives, list) else []):
        given = given_of(each, SLICED)
        for name in SLICED:
            at = (*path, "objectives", index, name)
            if name in needed and name not in given:
                findings.refuse(at, f"is missing; {method} needs it")
            elif name in given and name not in needed:
                findings.keep(at, f"means nothing to the method {method}")


def _metrics(value: Tree, path: Path, findings: Findings) -> None:
    """What the objectives of an indicator given in place have to say about it."""
    findings.problems += threshold_problems(value, value.get("indicator"), path)


def threshold_problems(spec: Tree, indicator: Tree, path: Path) -> list[Remark]:
    """Returns what is missing where the SLO's indicator, in place or found by name, is a threshold."""
    sli = indicator.get("spec") if isinstance(indicator, dict) else None
    objectives = spec.get("objectives")
    if not given_of(sli, ("thresholdMetric",)) or not isinstance(objectives, list):
        return []
    found = Findings()
    if len(objectives) > 1:
        found.refuse((*path, "objectives"), f"has {len(objectives)} items; a thresholdMetric allows one")
    for index, each in enumerate(objectives):
        for name in ("op", "value"):
            if isinstance(each, dict) and each.get(name) is None:
                found.refuse((*path, "objectives", index, name), "is missing; the thresholdMetric is compared by op with value")
    return found.problems


SLO_SPEC = record(
    {"service": NAME_TEXT, "budgetingMethod": choice("Occurrences", "Timeslices", "RatioTimeslices"), "objectives": OBJECTIVES},
    {
        "description": DESCRIPTION,
        "indicator": inline(SLI_SPEC, SLI, is_kind_required=False),
        "indicatorRef": NAME_TEXT,
        "timeWindow": TIME_WINDOW,
        "alertPolicies": kept(
            "Ballast has budget policies of its own and does not alert by these",
            items(inline_or_ref("alertPolicyRef", POLICY_SPEC, ALERT_POLICY), 0, _MOST_POLICIES, f"at most {_MOST_POLICIES} are allowed"),
        ),
    },
    _indicators,
    _slices,
    _metrics,
)
KINDS: Mapping[str, Rule] = {
    SLO: document(SLO_SPEC, SLO),
    SLI: document(SLI_SPEC, SLI),
    SERVICE: document(record({}, {"description": DESCRIPTION}), SERVICE, is_spec_required=False),
    DATA_SOURCE: document(record({"type": text(), "connectionDetails": anything}, {"description": DESCRIPTION}), DATA_SOURCE),
    ALERT_POLICY: document(POLICY_SPEC, ALERT_POLICY),
    ALERT_CONDITION: document(CONDITION_SPEC, ALERT_CONDITION),
    ALERT_TARGET: document(TARGET_SPEC, ALERT_TARGET),
}
