"""Grouping's domain values to protobuf."""

from collections.abc import Iterable, Mapping, Sequence

from ballast.intake.v1 import grouping_rules_pb2 as rules_pb
from ballast.intake.v1 import grouping_service_pb2 as pb

from services.intake.domain.grouping_revision import GroupingRevision
from services.intake.domain.grouping_rule import GroupingRule
from services.intake.domain.grouping_trial import Trial, TriedAlert, TriedIncident
from services.intake.domain.matcher_text import matcher_text
from services.intake.domain.regrouping import MOST_INCIDENTS_SHOWN, MOST_SHOWN, Regrouping
from services.intake.domain.rule_problem import RuleProblem
from services.intake.domain.rule_use import RuleUse, UnusedRule
from services.intake.usecases.grouping_revisions import DescribedRules, DryRun
from shared.rpc.wellknown import duration_to_pb, time_to_pb
from shared.storage.etags import etag_of

_SAMPLES = 3


def listed_to_pb(made: GroupingRevision) -> rules_pb.GroupingRules:
    """Returns a revision without its document and rules, as lists have it."""
    return rules_pb.GroupingRules(
        revision=made.revision,
        hash=made.hash,
        author=made.author,
        reason=made.reason,
        restored_revision=made.restored,
        etag=etag_of(made.revision),
        create_time=time_to_pb(made.created_at),
    )


def revision_to_pb(
    made: GroupingRevision, rules: Iterable[GroupingRule], uses: Mapping[str, RuleUse] | None = None
) -> rules_pb.GroupingRules:
    message = listed_to_pb(made)
    message.yaml = made.yaml
    message.rules.extend(rule_to_pb(rule, (uses or {}).get(rule.name)) for rule in rules)
    return message


def described_to_pb(described: DescribedRules) -> rules_pb.GroupingRules:
    return revision_to_pb(described.made, described.rules, described.uses)


def rule_to_pb(rule: GroupingRule, use: RuleUse | None) -> rules_pb.GroupingRule:
    threshold, similarity = rule.threshold, rule.similarity
    return rules_pb.GroupingRule(
        name=rule.name,
        line=rule.line,
        match=[matcher_text(each) for each in rule.matchers],
        when=rule.condition.text if rule.condition else "",
        group_by=rule.group_by,
        quiet_period=duration_to_pb(rule.quiet_period),
        threshold=rules_pb.OccurrenceThreshold(count=threshold.count, within=duration_to_pb(threshold.within)) if threshold else None,
        dependencies=rule.dependencies,
        similarity=rules_pb.TextSimilarity(of=similarity.of, at_least=similarity.at_least) if similarity else None,
        use=use_to_pb(use) if use else None,
    )


def use_to_pb(use: RuleUse) -> rules_pb.RuleUse:
    return rules_pb.RuleUse(
        since_time=time_to_pb(use.since),
        match_count=use.matched,
        last_match_time=time_to_pb(use.last_matched_at),
        failure_count=use.failed,
        last_failure_time=time_to_pb(use.last_failed_at),
        last_failure=use.failure,
    )


def problem_to_pb(problem: RuleProblem) -> rules_pb.RuleProblem:
    return rules_pb.RuleProblem(
        path=problem.path,
        rule=problem.rule,
        line=problem.line,
        column=problem.column,
        description=problem.text,
        warning=problem.is_warning,
    )


def unused_to_pb(found: UnusedRule, uses: Mapping[str, RuleUse]) -> rules_pb.UnusedRule:
    rule = rule_to_pb(found.rule, uses.get(found.rule.name))
    return rules_pb.UnusedRule(rule=rule, reason=found.reason.value, shadowed_by=found.shadowed_by)  # type: ignore[arg-type]


def dry_run_to_pb(run: DryRun) -> pb.DryRunGroupingRulesResponse:
    counts = sorted(run.difference.counts.items())
    return pb.DryRunGroupingRulesResponse(
        alert_count=len(run.alerts),
        before=_side_to_pb(run.before),
        after=_side_to_pb(run.after),
        changes=[_regrouping_to_pb(each, run.alerts) for each in run.difference.changes[:MOST_SHOWN]],
        change_counts=[rules_pb.RegroupingCount(kind=kind.value, count=count) for kind, count in counts],  # type: ignore[arg-type]
        unchanged_count=run.difference.unchanged,
        warnings=[problem_to_pb(each) for each in run.warnings],
    )


def _side_to_pb(trial: Trial) -> rules_pb.TrialSide:
    held = sum(each.is_held for each in trial.incidents)
    return rules_pb.TrialSide(
        incident_count=len(trial.incidents) - held,
        held_count=held,
        rules=[
            rules_pb.RuleTally(rule=each.rule, match_count=each.matched, failure_count=each.failed, last_failure=each.failure)
            for each in trial.tallies
        ],
    )


def _regrouping_to_pb(change: Regrouping, alerts: Sequence[TriedAlert]) -> rules_pb.Regrouping:
    return rules_pb.Regrouping(
        kind=change.kind.value,  # type: ignore[arg-type]  # the numbers are the contract's
        before=[_incident_to_pb(each, alerts) for each in change.before[:MOST_INCIDENTS_SHOWN]],
        after=[_incident_to_pb(each, alerts) for each in change.after[:MOST_INCIDENTS_SHOWN]],
        before_count=len(change.before),
        after_count=len(change.after),
        alert_count=change.alert_count,
    )


def _incident_to_pb(incident: TriedIncident, alerts: Sequence[TriedAlert]) -> rules_pb.TriedIncident:
    return rules_pb.TriedIncident(
        rule=incident.rule,
        labels=[rules_pb.TriedLabel(name=name, value=value) for name, value in incident.labels],
        alert_count=len(incident.alerts),
        begin_time=time_to_pb(incident.begin),
        held=incident.is_held,
        sample_alerts=[f"alerts/{alerts[index].id}" for index in incident.alerts[:_SAMPLES]],
    )
