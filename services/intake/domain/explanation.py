"""Explanations: why an alert is where it is, step by step, and where it would be otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from services.intake.domain.alert import Alert, Disposition, fingerprint_of
from services.intake.domain.condition import facts_of
from services.intake.domain.grouping_rule import DEFAULT, GroupingRule, Placement, RuleSet
from services.intake.domain.incident import Incident, IncidentKind
from services.intake.domain.matcher import failing
from services.intake.domain.matcher_text import matcher_text
from services.intake.domain.muting import Explanation as MutesExplained
from services.intake.domain.muting import Mute, NearMiss

_MOST_RULES = 10
_PEOPLE = "people merged or split incidents, as its time-line tells"


class Step(IntEnum):
    IDENTITY = 1
    MUTING = 2
    GROUPING = 3
    INCIDENT = 4
    STORM = 5
    LIFE = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One reason; `resource` decided, at `version` (0 where it has none)."""

    step: Step
    text: str
    resource: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Otherwise:
    """Where the alert would be under another condition."""

    condition: str
    disposition: Disposition
    group_key: str
    incident: str
    text: str


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another condition, and the group the alert would fall into under it."""

    condition: str
    placement: Placement
    in_storm: bool = True  # whether the storm it came in would have been under way


@dataclass(frozen=True, slots=True)
class Landing:
    """Where an alert would go: what would be done with it, and the incident it would go into; none where it would open one."""

    disposition: Disposition
    incident: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that an explanation is made from; rules and mutes as they stand at the revision, and the time, of the decision."""

    alert: Alert
    incident: Incident | None
    rules: RuleSet
    mutes: MutesExplained
    landings: Sequence[tuple[Alternative, Landing]]  # of each of `alternatives`


@dataclass(frozen=True, slots=True)
class Explained:
    """The whole explanation."""

    alert: Alert
    incident: Incident | None
    summary: str
    lines: tuple[Line, ...]
    otherwise: tuple[Otherwise, ...]


def explain(facts: Facts) -> Explained:
    """Returns why the alert is where it is, and what would have happened otherwise."""
    lines = [_identity(facts.alert), *_muting(facts), *_grouping(facts), *_incident(facts), *_storm(facts.alert), *_life(facts.alert)]
    return Explained(facts.alert, facts.incident, _summary(facts), tuple(lines), tuple(_otherwise(facts)))


def alternatives(alert: Alert, rules: RuleSet, mutes: MutesExplained) -> list[Alternative]:
    """Returns what is worth trying: the alert without what muted, held or summarised it, and without the rule that took it."""
    taken = [rule for rule in rules.rules if _takes(rule, alert)][:2]
    found = [rule.place(alert.labels, alert.fingerprint.hex) for rule in taken]
    options: list[Alternative] = []
    if alert.disposition is Disposition.MUTED and not _other_mutes(alert, mutes):
        options.append(Alternative(f"without {alert.mute}", found[0]))
    elif alert.disposition is Disposition.HELD:
        free = replace(taken[0], threshold=None).place(alert.labels, alert.fingerprint.hex)
        options.append(Alternative(f"without the threshold of rule {alert.rule}", free))
    elif alert.disposition is Disposition.SUMMARISED:
        options.append(Alternative("without the storm", found[0], in_storm=False))
    if alert.rule and alert.rule != DEFAULT and len(found) > 1:
        options.append(Alternative(f"without rule {alert.rule}", found[1]))
    return options


def _other_mutes(alert: Alert, mutes: MutesExplained) -> list[Mute]:
    return [each for each in mutes.mutes if each.name != alert.mute]


def _takes(rule: GroupingRule, alert: Alert) -> bool:
    if not rule.matches(alert.labels):
        return False
    if rule.condition is None:
        return True
    try:
        return rule.condition.holds(facts_of(alert.labels, alert.annotations, alert.source))
    except Exception:  # noqa: BLE001 - a condition that cannot be evaluated does not hold, here as on the alert path
        return False


def _identity(alert: Alert) -> Line:
    by_labels = fingerprint_of("", "", alert.labels) == alert.fingerprint
    what = "its labels: whoever sends these is heard as the same signal" if by_labels else f"the key {alert.source} gives it"
    return Line(Step.IDENTITY, f"identified by {what} (fingerprint {alert.fingerprint.hex})")


def _muting(facts: Facts) -> list[Line]:
    alert = facts.alert
    if alert.mute:
        still = "muted" if alert.disposition is Disposition.MUTED else "was muted at first"
        lines = [Line(Step.MUTING, f"{still} by {alert.mute}", alert.mute, alert.mute_version)]
    else:
        lines = [Line(Step.MUTING, "nothing muted it")]
    lines += [
        Line(Step.MUTING, f"{each.name} would mute it too: {each.reason}", each.name, each.version)
        for each in facts.mutes.mutes
        if each.name != alert.mute
    ]
    return lines + [Line(Step.MUTING, _missed(each), each.name, each.version) for each in facts.mutes.near_misses]


def _missed(miss: NearMiss) -> str:
    if miss.matcher is not None:
        value = f"{miss.value!r}" if miss.value else "absent"
        return f"{miss.name} nearly mutes it: {matcher_text(miss.matcher)} does not hold, {miss.matcher.label} is {value}"
    times = " to ".join(each.isoformat() for each in (miss.starts_at, miss.ends_at) if each is not None)
    return f"{miss.name} matches it, but at other times: {times}"


def _grouping(facts: Facts) -> list[Line]:
    alert, lines = facts.alert, list[Line]()
    if not alert.rule:
        return lines
    resource = f"groupingRules/{alert.rule_revision}"
    for rule in facts.rules.rules:
        if rule.name == alert.rule or len(lines) == _MOST_RULES:
            break
        lines.append(Line(Step.GROUPING, f"rule {rule.name} does not take it: {_why_not(rule, alert)}", resource, alert.rule_revision))
    what = "the built-in rule" if alert.rule == DEFAULT else f"rule {alert.rule}"
    lines.append(
        Line(
            Step.GROUPING,
            f"{what} of revision {alert.rule_revision} takes it, into the group {alert.group_key}",
            resource,
            alert.rule_revision,
        )
    )
    return lines


def _why_not(rule: GroupingRule, alert: Alert) -> str:
    missing = failing(rule.matchers, alert.labels)
    if missing:
        value = alert.labels.get(missing[0].label)
        return (
            f"{matcher_text(missing[0])} does not hold, {missing[0].label} is {value!r}"
            if value
            else f"{matcher_text(missing[0])} does not hold, {missing[0].label} is absent"
        )
    try:
        facts = facts_of(alert.labels, alert.annotations, alert.source)
        return "its condition does not hold" if rule.condition is None or not rule.condition.holds(facts) else "it does by now"
    except Exception as error:  # noqa: BLE001 - as in `_takes`
        return f"its condition cannot be evaluated for it: {error}"


def _incident(facts: Facts) -> list[Line]:
    alert, incident = facts.alert, facts.incident
    if alert.disposition is Disposition.HELD:
        return [Line(Step.INCIDENT, f"held: rule {alert.rule} opens an incident {_threshold(facts)}")]
    if incident is None:
        return (
            [Line(Step.INCIDENT, "in no incident while it is muted; looked at again when that ends, if it still fires")]
            if alert.disposition is Disposition.MUTED
            else []
        )
    if incident.group_key != alert.group_key and incident.kind is IncidentKind.ALERTS:
        text = f"went into {incident.name}, which is of another group: {_elsewhere(facts, incident)}"
    elif alert.disposition is Disposition.SUMMARISED and incident.kind is not IncidentKind.STORM:
        text = f"went into the storm's incident, and from there into {incident.name} when {_PEOPLE}"
    elif incident.created_at == alert.created_at:
        text = f"opened {incident.name}, with what came at the same moment: its group had no open incident"
    elif incident.created_at > alert.created_at:
        text = f"went into {incident.name} {_later(facts)}"
    else:
        since = incident.opened_at.isoformat()
        text = f"joined {incident.name}, which was open since {since}, or not over for longer than {incident.quiet_period}"
    return [Line(Step.INCIDENT, text, incident.name, incident.version)]


def _threshold(facts: Facts) -> str:
    found = next((rule.threshold for rule in facts.rules.rules if rule.name == facts.alert.rule and rule.threshold is not None), None)
    return "once enough of its kind came" if found is None else f"once {found.count} of its kind came within {found.within}"


def _elsewhere(facts: Facts, incident: Incident) -> str:
    """Says why an alert is in an incident of another group."""
    if incident.shaped:
        return _PEOPLE
    rule = next((each for each in facts.rules.rules if each.name == facts.alert.rule), None)
    if rule is not None and rule.dependencies and rule.similarity is None:
        return "its component needs one of that incident, or is needed there"
    if rule is not None and rule.similarity is not None and not rule.dependencies:
        return f"{rule.similarity.of} is alike"
    return f"by dependency or likeness, or because {_PEOPLE}"


def _later(facts: Facts) -> str:
    """Says why an alert went into an incident that was made after the alert came."""
    if facts.incident is not None and facts.incident.shaped:
        return f"when {_PEOPLE}"
    if facts.alert.mute:
        return "once nothing muted it any more"
    if any(rule.name == facts.alert.rule and rule.threshold is not None for rule in facts.rules.rules):
        return _threshold(facts)
    return "when reports that came later showed by their times that its alerts are one incident"


def _storm(alert: Alert) -> list[Line]:
    if alert.storm_id is None:
        return []
    text = "a storm was under way"
    if alert.disposition is Disposition.SUMMARISED:
        text += ": its group had no open incident, so it went into the storm's"
    return [Line(Step.STORM, text, f"storms/{alert.storm_id}")]


def _life(alert: Alert) -> list[Line]:
    life = alert.life
    end = f"ended at {life.ends_at.isoformat()}" if life.ends_at else "still fires"
    text = f"began at {life.starts_at.isoformat()}, {end}; reported {alert.report_count} times, last by {alert.source}"
    lines = [Line(Step.LIFE, text)]
    if len(life.starts) > 1:
        lines.append(
            Line(
                Step.LIFE,
                f"{len(life.starts)} begins were told of it, {life.refired_count} of them after an end so short before that it went on",
            )
        )
    if alert.is_flapping:
        lines.append(Line(Step.LIFE, "it flaps: it began again and again"))
    return lines


def _summary(facts: Facts) -> str:
    alert, incident = facts.alert, facts.incident
    if alert.disposition is Disposition.MUTED:
        return f"kept, and muted by {alert.mute} (version {alert.mute_version})"
    if alert.disposition is Disposition.HELD:
        return f"kept, and held by rule {alert.rule} until enough of its kind come"
    if alert.disposition is Disposition.SUMMARISED and incident is not None and incident.kind is IncidentKind.STORM:
        return f"kept, and gathered into the storm's incident {incident.name}"
    name = incident.name if incident is not None else "an incident"
    return (
        f"grouped into {name} by {'the built-in rule' if alert.rule == DEFAULT else f'rule {alert.rule}'} (revision {alert.rule_revision})"
    )


def _otherwise(facts: Facts) -> list[Otherwise]:
    alert = facts.alert
    options: list[Otherwise] = []
    others = _other_mutes(alert, facts.mutes)
    if alert.disposition is Disposition.MUTED and others:
        text = f"{others[0].name} would have muted it all the same"
        options.append(Otherwise(f"without {alert.mute}", Disposition.MUTED, "", "", text))
    options += [_landed(option, landing) for option, landing in facts.landings]
    options += [_muted(each) for each in facts.mutes.near_misses if alert.disposition is not Disposition.MUTED]
    return options


def _muted(miss: NearMiss) -> Otherwise:
    condition = f"with {matcher_text(miss.matcher)}" if miss.matcher is not None else f"at a time of {miss.name}"
    return Otherwise(condition, Disposition.MUTED, "", "", f"{miss.name} would have muted it")


def _landed(option: Alternative, landing: Landing) -> Otherwise:
    rule, key = option.placement.rule, option.placement.key
    by = "the built-in rule" if rule.name == DEFAULT else f"rule {rule.name}"
    if landing.disposition is Disposition.SUMMARISED:
        text = f"it would have been gathered into the storm's incident {landing.incident}"
    elif landing.incident:
        text = f"{by} would have put it into {landing.incident}"
    elif landing.disposition is Disposition.HELD and rule.threshold is not None:
        text = f"{by} would have held it until {rule.threshold.count} of its kind came within {rule.threshold.within}"
    else:
        text = f"it would have opened an incident of the group {key}, by {by}"
    return Otherwise(option.condition, landing.disposition, key, landing.incident, text)
