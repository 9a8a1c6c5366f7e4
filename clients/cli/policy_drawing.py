"""Allocation policies as tables: what they say, what is wrong with them, how they differ and what they would have decided."""

from collections.abc import Iterable

from ballast.allocation.v1 import allocation_messages_pb2 as messages
from ballast.allocation.v1 import allocation_policy_pb2, policy_rule_pb2
from ballast.allocation.v1 import policy_service_pb2 as pb
from ballast.amendments.v1 import amendment_messages_pb2
from rich.console import RenderableType

from clients.cli.formats import count_text, duration_text, money_text, number_text, percent_text, time_text
from clients.cli.output import Column, cell, facts, table, total


def draw_names(response: amendment_messages_pb2.ListDocumentsResponse) -> Iterable[RenderableType]:
    shown = [each for each in response.documents if each.name.startswith("allocationPolicies/")]
    rows = [(each.name, each.revision, each.owner, "yes" if each.needs_approval else "no", each.open_amendments or "") for each in shown]
    columns = (Column("policy", whole=True), Column("revision", right=True), "owner", "others must agree", Column("under way", right=True))
    yield table("", columns, rows)
    yield total(len(rows), "policy", response.next_page_token, "policies")


def draw_revisions(response: messages.ListAllocationPolicyRevisionsResponse) -> Iterable[RenderableType]:
    rows = [
        (each.revision, time_text(each, "create_time"), each.author, percent_text(each.baseline_share), len(each.rules) or "", each.reason)
        for each in response.policies
    ]
    columns = (
        Column("revision", right=True),
        Column("made", whole=True),
        "by",
        Column("baseline", right=True),
        Column("rules", right=True),
        "reason",
    )
    yield table("", columns, rows)
    yield total(len(rows), "revision", response.next_page_token)


def draw_policy(policy: allocation_policy_pb2.AllocationPolicy) -> Iterable[RenderableType]:
    yield facts(
        [
            ("name", policy.name),
            ("revision", policy.revision),
            ("made", f"{time_text(policy, 'create_time')} by {policy.author}"),
            ("reason", policy.reason),
            ("baseline", percent_text(policy.baseline_share)),
            ("bounds", f"{percent_text(policy.floor_share)} to {percent_text(policy.cap_share)}"),
            ("at once", f"{percent_text(policy.largest_step)} at most"),
            ("is lowered after", count_text(policy.quiet_sprints, "quiet sprint")),
            ("stays for", duration_text(policy.shortest_dwell) if policy.HasField("shortest_dwell") else ""),
            ("reserve", _reserve(policy)),
            ("others must agree", _thresholds(policy)),
            ("etag", policy.etag),
        ]
    )
    if triggers := _triggers(policy):
        yield table("triggers", ("trigger", "fires when", Column("adds", right=True)), triggers)
    rows = [(each.id, _condition(each), _effect(each), each.reason) for each in policy.rules]
    if rows:
        yield table("rules", (Column("rule", whole=True), "when", "then", "because"), rows)


def draw_findings(response: pb.ValidatePolicyResponse) -> Iterable[RenderableType]:
    if not response.findings:
        yield cell("nothing is wrong with it", "green")
        return
    rows = [(_kind(each), each.field, each.rule, each.description) for each in response.findings]
    yield table("", ("", Column("field", whole=True), "rule", "what is wrong"), rows)
    errors = sum(each.kind == pb.POLICY_FINDING_KIND_ERROR for each in response.findings)
    warnings = len(response.findings) - errors
    yield cell(f"{count_text(errors, 'error')}, {count_text(warnings, 'warning')}", "red" if errors else "yellow")


def draw_diff(response: pb.DiffPoliciesResponse) -> Iterable[RenderableType]:
    if not response.changes:
        yield cell("they say the same")
        return
    rows = [(each.field, each.before, each.after, each.meaning) for each in response.changes]
    yield table("", (Column("field", whole=True), "before", "after", "what that means"), rows)
    yield total(len(rows), "change", "")


def draw_previews(response: pb.PreviewPolicyResponse) -> Iterable[RenderableType]:
    for team in response.teams:
        if not team.sprints:
            yield cell(f"{team.team}: {team.note}", "dim")
            continue
        rows = [_sprint_row(each) for each in team.sprints]
        columns = (
            "sprint",
            Column("began", whole=True),
            Column("decided", right=True),
            Column("in force", right=True),
            Column("tried", right=True),
            "what fired, by the one tried",
        )
        means = ("mean", "", "", percent_text(team.mean_in_force), percent_text(team.mean_tried), _summary(team))
        yield table(team.team, columns, rows, means)
    yield total(len(response.teams), "team", response.next_page_token)


def _sprint_row(each: pb.PreviewedSprint) -> tuple[object, ...]:
    fired = [term.term.removeprefix("rule/") for term in each.tried.terms if term.fired and term.term != "baseline"]
    marks = ["frozen"] if each.tried.frozen else []
    return (
        each.sprint.rpartition("/")[2],
        time_text(each, "begin_at"),
        percent_text(each.decided_share) if each.HasField("decided_share") else "",
        percent_text(each.in_force.share),
        percent_text(each.tried.share),
        ", ".join([*marks, *fired]),
    )


def _summary(team: pb.TeamPreview) -> str:
    return f"{count_text(team.differing_sprints, 'sprint')} differ; {team.changes_in_force} → {count_text(team.changes_tried, 'change')}"


def _kind(finding: pb.PolicyFinding) -> str:
    return "error" if finding.kind == pb.POLICY_FINDING_KIND_ERROR else "warning"


def _reserve(policy: allocation_policy_pb2.AllocationPolicy) -> str:
    if not policy.HasField("reserve"):
        return ""
    target = policy.reserve
    enough = f"suffices with a chance of {percent_text(target.service_level)}"
    if target.WhichOneof("target") == "costs":
        enough = f"an hour too few costs {money_text(target.costs, 'under')}, one too many {money_text(target.costs, 'over')}"
    return f"{enough}; a backlog is cleared within {count_text(target.clearing_sprints or 1, 'sprint')}"


def _thresholds(policy: allocation_policy_pb2.AllocationPolicy) -> str:
    stated = policy.approval_thresholds
    parts = [f"from {percent_text(stated.share_change)} on"] if stated.HasField("share_change") else []
    parts += [f"from {money_text(stated, 'value_at_risk')} at risk on"] if stated.HasField("value_at_risk") else []
    parts += [f"from {stated.displaced_items} displaced items on"] if stated.HasField("displaced_items") else []
    return ", ".join(parts)


def _triggers(policy: allocation_policy_pb2.AllocationPolicy) -> list[tuple[str, str, str]]:
    rows = []
    if policy.HasField("incident_frequency"):
        each = policy.incident_frequency
        when = f"incidents exceed {number_text(each.ratio)} × the mean of {each.history_sprints} sprints, from {each.minimum_count} on"
        rows.append(("incident_frequency", when, percent_text(each.raise_by)))
    if policy.HasField("time_to_restore"):
        restore = policy.time_to_restore
        when = f"the median exceeds {number_text(restore.ratio)} × that of {restore.history_sprints} sprints"
        rows.append(("time_to_restore", when, percent_text(restore.raise_by)))
    if policy.HasField("open_incidents"):
        grave = policy.open_incidents
        when = f"incidents of SEV{grave.severity_at_most} or graver are open, {percent_text(grave.raise_at_most)} at most"
        rows.append(("open_incidents", when, f"{percent_text(grave.raise_by)} each"))
    return rows


def _condition(rule: policy_rule_pb2.PolicyRule) -> str:
    parts = [rule.when]
    parts += [f"until {rule.until}"] if rule.until else []
    parts += ["causes not in its hands left out"] if rule.forgives_causes else []
    parts += [f"then rests {count_text(rule.cool_down_sprints, 'sprint')}"] if rule.cool_down_sprints else []
    return "; ".join(parts)


def _effect(rule: policy_rule_pb2.PolicyRule) -> str:
    effect = rule.WhichOneof("effect")
    step = f", by {percent_text(rule.largest_step)} at once" if rule.HasField("largest_step") else ""
    if effect == "raise_by":
        return f"adds {percent_text(rule.raise_by)}{step}"
    if effect == "set_share":
        return f"at least {percent_text(rule.set_share)}{step}"
    return f"protects {', '.join(rule.protect.items)}" if effect == "protect" else "freezes the roadmap"
