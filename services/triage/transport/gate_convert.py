"""Gates to protobuf and back."""

from collections.abc import Iterable

from ballast.triage.v1 import gate_pb2
from ballast.triage.v1 import gate_service_pb2 as pb

from services.triage.domain.gate import FiredGate, GatesRevision, GatingRule, Rules, UndecidedGate
from services.triage.domain.gate_facts import FACTS, LANGUAGE, MISSING
from services.triage.domain.gate_trial import GateTrial
from services.triage.domain.severity import Severity
from shared.rpc.wellknown import time_to_pb
from shared.storage.etags import etag_of


def rules_from_pb(messages: Iterable[gate_pb2.GatingRule]) -> Rules:
    return tuple(
        GatingRule(
            name=each.name,
            condition=each.condition,
            reason=each.reason,
            elevate_to=Severity(each.elevate_to) if each.elevate_to else None,
            page=each.page,
            require_approval=each.require_approval,
            playbook=each.playbook,
        )
        for each in messages
    )


def gates_to_pb(made: GatesRevision) -> gate_pb2.GatingRules:
    return gate_pb2.GatingRules(
        revision=made.revision,
        rules=[_rule_to_pb(each) for each in made.document],
        author=made.author,
        reason=made.reason,
        etag=etag_of(made.revision),
        create_time=time_to_pb(made.create_time),
    )


def fired_to_pb(gate: FiredGate) -> gate_pb2.FiredGate:
    return gate_pb2.FiredGate(
        rule=gate.rule,
        reason=gate.reason,
        elevate_to=gate.elevate_to.value if gate.elevate_to else None,  # type: ignore[arg-type]
        page=gate.page,
        require_approval=gate.require_approval,
        playbook=gate.playbook,
    )


def undecided_to_pb(gate: UndecidedGate) -> gate_pb2.UndecidedGate:
    return gate_pb2.UndecidedGate(rule=gate.rule, unknown=gate.unknown, fault=gate.fault)


def trial_to_pb(trial: GateTrial) -> pb.DryRunGatingRulesResponse:
    return pb.DryRunGatingRulesResponse(
        incidents=trial.incidents,
        changes=[
            pb.GateChange(
                incident=each.incident,
                title=each.title,
                before=each.before.value,  # type: ignore[arg-type]
                after=each.after.value,  # type: ignore[arg-type]
                fired=[gate.rule for gate in each.answer.fired],
                undecided=[gate.rule for gate in each.answer.undecided],
            )
            for each in trial.changes
        ],
        counts=[pb.GateCount(rule=each.rule, fired=each.fired, undecided=each.undecided) for each in trial.counts],
    )


def facts_to_pb() -> list[gate_pb2.GateFact]:
    facts = [gate_pb2.GateFact(name=each.name, type=_type_name(each.type), meaning=each.meaning) for each in FACTS]
    missing = gate_pb2.GateFact(name=MISSING, type=_type_name(LANGUAGE.variables[MISSING]), meaning="names of the facts that are unknown")
    return sorted([*facts, missing], key=lambda each: each.name)


def _type_name(type_: object) -> str:
    return str(type_.name()).lower()  # type: ignore[attr-defined]


def _rule_to_pb(rule: GatingRule) -> gate_pb2.GatingRule:
    return gate_pb2.GatingRule(
        name=rule.name,
        condition=rule.condition,
        reason=rule.reason,
        elevate_to=rule.elevate_to.value if rule.elevate_to else None,  # type: ignore[arg-type]
        page=rule.page,
        require_approval=rule.require_approval,
        playbook=rule.playbook,
    )
