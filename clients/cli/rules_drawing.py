"""Grouping rules drawn: the rules with what they did, problems by line, and the difference another document would make."""

from collections.abc import Iterable, Sequence

from ballast.intake.v1 import grouping_rules_pb2 as rules_pb
from ballast.intake.v1 import grouping_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration
from rich.console import RenderableType

from clients.cli.formats import count_text, duration_text, enum_text, member_text, number_text, time_text
from clients.cli.output import Column, cell, facts, table, total

_INCIDENTS_SHOWN = 3
_KINDS = rules_pb.RegroupingKind.DESCRIPTOR


def draw_rules(rules: rules_pb.GroupingRules) -> Iterable[RenderableType]:
    restored = f"the document of revision {rules.restored_revision}" if rules.restored_revision else ""
    yield facts(
        [
            ("revision", rules.revision),
            ("restores", restored),
            ("made", time_text(rules, "create_time")),
            ("by", rules.author),
            ("reason", rules.reason),
            ("hash", rules.hash[:16]),
            ("etag", rules.etag),
        ]
    )
    columns = (
        Column("rule", whole=True),
        "takes",
        "groups by",
        Column("quiet", right=True),
        "and",
        Column("took", right=True),
        Column("last", whole=True),
        Column("failed", right=True),
    )
    yield table("rules, in the order they are tried", columns, [_rule_row(each) for each in rules.rules])
    for rule in rules.rules:
        if rule.use.failure_count:
            yield cell(f"{rule.name}: the condition could not be evaluated: {rule.use.last_failure}", "yellow")


def draw_problems(problems: Sequence[rules_pb.RuleProblem], *, valid: bool) -> Iterable[RenderableType]:
    if problems:
        columns = (Column("line", right=True), Column("column", right=True), "rule", "where", "what")
        rows = [
            (each.line, each.column, each.rule, each.path, f"{'warning: ' if each.warning else ''}{each.description}") for each in problems
        ]
        yield table("", columns, rows)
    errors = sum(not each.warning for each in problems)
    warnings = len(problems) - errors
    verdict = "can be put in force" if valid else f"cannot be put in force: {count_text(errors, 'problem')}"
    aside = f"; {count_text(warnings, 'warning')}" if warnings else ""
    yield cell(verdict + aside, "green" if valid else "red")


def draw_warnings(warnings: Iterable[rules_pb.RuleProblem]) -> Iterable[RenderableType]:
    for each in warnings:
        yield cell(f"warning, line {each.line}: rule {each.rule} {each.description}", "yellow")


def draw_dry_run(response: pb.DryRunGroupingRulesResponse) -> Iterable[RenderableType]:
    yield cell(
        f"{count_text(response.alert_count, 'alert')}: {_side(response.before)} by the rules in force, {_side(response.after)} by these",
        "bold",
    )
    if response.changes:
        columns = (Column("change", whole=True), Column("alerts", right=True), "before", "after")
        yield table("differences, the largest first", columns, [_change_row(each) for each in response.changes])
    counts = [
        f"{count_text(each.count, member_text(_KINDS, each.kind), member_text(_KINDS, each.kind))}" for each in response.change_counts
    ]
    unchanged = f"{count_text(response.unchanged_count, 'incident')} unchanged"
    left = sum(each.count for each in response.change_counts) - len(response.changes)
    yield cell("; ".join([*counts, unchanged]) + (f"; {left} of the differences are not shown" if left else ""))
    yield table(
        "what each rule took",
        ("rule", Column("alerts", right=True), Column("failed", right=True), "last failure"),
        [(each.rule, each.match_count, each.failure_count or "", each.last_failure) for each in response.after.rules],
    )
    yield from draw_warnings(response.warnings)


def draw_revisions(response: pb.ListGroupingRulesRevisionsResponse) -> Iterable[RenderableType]:
    rows = [
        (
            each.revision,
            time_text(each, "create_time"),
            each.author,
            f"restores {each.restored_revision}: {each.reason}" if each.restored_revision else each.reason,
            each.hash[:16],
        )
        for each in response.revisions
    ]
    columns = (Column("revision", right=True), Column("made", whole=True), "by", "reason", Column("hash", whole=True))
    yield table("", columns, rows)
    yield total(len(rows), "revision", response.next_page_token)


def draw_unused(rules: Sequence[rules_pb.UnusedRule], span: Duration) -> Iterable[RenderableType]:
    # What came in force within the span is not judged by its matches yet, so that an empty answer says nothing of it.
    none = f"no rule older than {duration_text(span)} matched nothing for so long, and none is shadowed"
    rows = [
        (each.rule.name, _why(each), each.rule.use.match_count, time_text(each.rule.use, "last_match_time"), _since(each)) for each in rules
    ]
    if rows:
        columns = (
            Column("rule", whole=True),
            "why",
            Column("took", right=True),
            Column("last", whole=True),
            Column("in force since", whole=True),
        )
        yield table("", columns, rows)
    yield cell(f"{count_text(len(rows), 'rule')} without effect" if rows else none, "dim")


def _since(unused: rules_pb.UnusedRule) -> str:
    return time_text(unused.rule.use, "since_time")


def _why(unused: rules_pb.UnusedRule) -> str:
    if unused.reason == rules_pb.UNUSED_REASON_SHADOWED:
        return f"shadowed: {unused.shadowed_by} takes every alert it would"
    return "took no alert yet" if unused.reason == rules_pb.UNUSED_REASON_NEVER else "took no alert lately"


def _rule_row(rule: rules_pb.GroupingRule) -> tuple[object, ...]:
    taken = [*rule.match, *([rule.when] if rule.when else [])]
    return (
        rule.name,
        " and ".join(taken) or "everything",
        ", ".join(rule.group_by) or "one group",
        duration_text(rule.quiet_period),
        "; ".join(_extras(rule)),
        rule.use.match_count,
        time_text(rule.use, "last_match_time"),
        rule.use.failure_count or "",
    )


def _extras(rule: rules_pb.GroupingRule) -> Iterable[str]:
    if rule.HasField("threshold"):
        yield f"from {rule.threshold.count} within {duration_text(rule.threshold.within)}"
    if rule.dependencies:
        yield "dependencies"
    if rule.HasField("similarity"):
        yield f"{rule.similarity.of} alike from {number_text(rule.similarity.at_least)}"


def _side(side: rules_pb.TrialSide) -> str:
    return count_text(side.incident_count, "incident") + (f" and {side.held_count} held" if side.held_count else "")


def _change_row(change: rules_pb.Regrouping) -> tuple[object, ...]:
    return (
        enum_text(change, "kind"),
        change.alert_count,
        _incidents(change.before, change.before_count),
        _incidents(change.after, change.after_count),
    )


def _incidents(shown: Sequence[rules_pb.TriedIncident], count: int) -> str:
    parts = [_incident(each) for each in shown[:_INCIDENTS_SHOWN]]
    left = count - len(parts)
    return "; ".join([*parts, *([f"… and {left} more"] if left else [])])


def _incident(incident: rules_pb.TriedIncident) -> str:
    labels = ", ".join(f"{each.name}={each.value}" for each in incident.labels)
    held = ", held" if incident.held else ""
    return f"{incident.rule}{f' {{{labels}}}' if labels else ''} ×{incident.alert_count}{held}"
