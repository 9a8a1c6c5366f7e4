"""The rules of OpenSLO's SLIs: a ratio of good or bad to total, a stored ratio, or a threshold."""

from services.triage.domain.openslo_parts import DESCRIPTION, METRIC
from services.triage.domain.openslo_rule import Findings, choice, exactly_one, flag, given_of, kept, record
from services.triage.domain.openslo_tree import Path, Tree

_NOT_ASKED = "Ballast counts events and does not ask for this; send its good and total by RecordSli"


def _ratio_whole(value: Tree, path: Path, findings: Findings) -> None:
    given = given_of(value, ("good", "bad", "total", "raw", "rawType"))
    if "raw" in given:
        for name in given:
            if name not in {"raw", "rawType"}:
                findings.refuse((*path, name), "stands beside raw, which is the whole ratio already; remove one of the two")
        if "rawType" not in given:
            findings.refuse((*path, "rawType"), "is missing; say whether raw is the share of success or of failure")
        return
    if "rawType" in given:
        findings.refuse((*path, "rawType"), "means nothing without raw; remove it, since good or bad say which ratio it is")
    if "total" not in given:
        findings.refuse((*path, "total"), "is missing; good or bad are counted of it (or give raw and rawType instead)")
    exactly_one("good", "bad")(value, path, findings)


def _said_counter(value: Tree, path: Path, findings: Findings) -> None:
    if given_of(value, ("total",)) and not given_of(value, ("counter",)):
        findings.keep(
            (*path, "counter"), "is not said; the numbers are taken as counts since the sample before, not as totals that only rise"
        )


RATIO_METRIC = record(
    {},
    {
        "counter": flag,
        "good": METRIC,
        "bad": METRIC,
        "total": METRIC,
        "rawType": choice("success", "failure"),
        "raw": kept(_NOT_ASKED, METRIC),
    },
    _ratio_whole,
    _said_counter,
)
SLI_SPEC = record(
    {},
    {"description": DESCRIPTION, "thresholdMetric": kept(_NOT_ASKED, METRIC), "ratioMetric": RATIO_METRIC},
    exactly_one("thresholdMetric", "ratioMetric"),
)
