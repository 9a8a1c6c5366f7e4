"""The rules of OpenSLO's alert policies, conditions and notification targets. Ballast keeps them and does not act by them."""

from services.triage.domain.openslo_parts import DESCRIPTION, OPERATOR, duration, inline_or_ref, positive_duration
from services.triage.domain.openslo_rule import choice, flag, items, number, record, text

_MOST_TARGETS = 100

CONDITION_SPEC = record(
    {
        "severity": text(),
        "condition": record(
            {"op": OPERATOR, "threshold": number(""), "lookbackWindow": positive_duration},
            {"kind": choice("burnrate"), "alertAfter": duration},
        ),
    },
    {"description": DESCRIPTION},
)
TARGET_SPEC = record({"target": text()}, {"description": DESCRIPTION})
POLICY_SPEC = record(
    {
        "conditions": items(inline_or_ref("conditionRef", CONDITION_SPEC, "AlertCondition"), 1, 1, "exactly one condition is allowed"),
        "notificationTargets": items(
            inline_or_ref("targetRef", TARGET_SPEC, "AlertNotificationTarget"), 1, _MOST_TARGETS, f"1 to {_MOST_TARGETS} are allowed"
        ),
    },
    {"description": DESCRIPTION, "alertWhenNoData": flag, "alertWhenResolved": flag, "alertWhenBreaching": flag},
)
