"""The budget policy to protobuf and back."""

from ballast.triage.v1 import budget_policy_pb2 as pb

from services.triage.domain.budget_cause import BudgetCause
from services.triage.domain.budget_policy import BudgetEffect, BudgetPolicy, BudgetPolicyRevision, BudgetStep
from shared.rpc.wellknown import duration_to_pb, time_to_pb
from shared.storage.etags import etag_of


def policy_from_pb(message: pb.BudgetPolicy) -> BudgetPolicy:
    return BudgetPolicy(tuple(_step_from_pb(each) for each in message.steps), message.post_mortem_share, message.planning_share)


def policy_to_pb(made: BudgetPolicyRevision) -> pb.BudgetPolicy:
    return pb.BudgetPolicy(
        revision=made.revision,
        steps=[_step_to_pb(each) for each in made.document.steps],
        post_mortem_share=made.document.post_mortem_share,
        planning_share=made.document.planning_share,
        author=made.author,
        reason=made.reason,
        etag=etag_of(made.revision),
        create_time=time_to_pb(made.create_time),
    )


def _step_from_pb(step: pb.BudgetStep) -> BudgetStep:
    return BudgetStep(
        name=step.name,
        effect=BudgetEffect(step.effect),
        window=step.window.ToTimedelta() if step.HasField("window") else None,
        burn=step.burn if step.HasField("burn") else None,
        remaining=step.remaining if step.HasField("remaining") else None,
        effects={BudgetCause(each.cause): BudgetEffect(each.effect) for each in step.cause_effects},
        reliability_share=step.reliability_share,
    )


def _step_to_pb(step: BudgetStep) -> pb.BudgetStep:
    return pb.BudgetStep(
        name=step.name,
        effect=step.effect.value,  # type: ignore[arg-type]  # the numbers are the contract's
        window=None if step.window is None else duration_to_pb(step.window),
        burn=step.burn,
        remaining=step.remaining,
        cause_effects=[
            pb.CauseEffect(cause=cause.value, effect=effect.value)  # type: ignore[arg-type]
            for cause, effect in step.effects.items()
        ],
        reliability_share=step.reliability_share,
    )
