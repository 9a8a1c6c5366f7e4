"""What allocation hears that rules of policies look at: error budgets and components from triage, causes of incidents from intake."""

from ballast.intake.v1 import intake_events_pb2
from ballast.intake.v1.incident_pb2 import IncidentCause
from ballast.triage.v1 import budget_events_pb2, budget_policy_pb2, triage_events_pb2
from ballast.triage.v1.error_budget_pb2 import ErrorBudget

from services.allocation.domain.signals import Cause, Tier
from services.allocation.domain.sprint import check_calendar
from services.allocation.domain.surroundings import BudgetFact, CauseFact
from services.allocation.storage.heard_store import HeardStore
from services.allocation.storage.signal_store import SignalStore
from services.allocation.usecases.decisions import Decisions
from shared.errors import InvalidInput, Violation
from shared.events.event import Outcome, ReceivedEvent
from shared.events.sink import Handler
from shared.rpc.wellknown import time_from_pb

_CAUSES = {
    IncidentCause.INCIDENT_CAUSE_OWN_CHANGE: Cause.OWN_CHANGE,
    IncidentCause.INCIDENT_CAUSE_DEPENDENCY: Cause.DEPENDENCY,
    IncidentCause.INCIDENT_CAUSE_PLATFORM: Cause.PLATFORM,
    IncidentCause.INCIDENT_CAUSE_EXTERNAL: Cause.EXTERNAL,
    IncidentCause.INCIDENT_CAUSE_OUT_OF_SCOPE: Cause.OUT_OF_SCOPE,
    IncidentCause.INCIDENT_CAUSE_MISCATEGORISED: Cause.MISCATEGORISED,
}


class SignalEvents:
    """Holds what is told; an error budget is looked at at once, the rest by the next decision."""

    def __init__(self, store: SignalStore, heard: HeardStore, decisions: Decisions) -> None:
        self._store = store
        self._heard = heard
        self._decisions = decisions

    def handlers(self) -> dict[str, Handler]:
        return {
            budget_events_pb2.ErrorBudgetChanged.DESCRIPTOR.full_name: self._budget,
            triage_events_pb2.ComponentChanged.DESCRIPTOR.full_name: self._component,
            intake_events_pb2.IncidentChanged.DESCRIPTOR.full_name: self._incident,
        }

    async def _budget(self, event: ReceivedEvent) -> Outcome:
        fact = budget_from_pb(event.unpack(budget_events_pb2.ErrorBudgetChanged).error_budget)
        await self._heard.note(event.source, event.time)
        if not fact.team:  # a component that nobody owns is no team's business
            return Outcome.ACCEPTED
        newer = await self._store.note_budget(fact)
        if newer:
            await self._decisions.hear_budget(fact.team)
        return _outcome(newer)

    async def _component(self, event: ReceivedEvent) -> Outcome:
        component = event.unpack(triage_events_pb2.ComponentChanged).component
        await self._heard.note(event.source, event.time)
        tier = component.tier if component.tier in {*Tier} else 0
        return _outcome(await self._store.note_component(component.name, tier, component.owner_team, event.version))

    async def _incident(self, event: ReceivedEvent) -> Outcome:
        """Most of what changes of an incident is no news of its cause, and is not written down."""
        told = event.unpack(intake_events_pb2.IncidentChanged)
        if told.change != intake_events_pb2.INCIDENT_CHANGE_CAUSE:
            return Outcome.ACCEPTED
        attributed = told.incident.attribution
        fact = CauseFact(_CAUSES.get(attributed.cause, Cause.UNKNOWN), attributed.ref)
        return _outcome(await self._store.note_cause(told.incident.name, fact, event.version))


def budget_from_pb(budget: ErrorBudget) -> BudgetFact:
    """Raises InvalidInput for what no budget can lack."""
    evaluated_at = time_from_pb(budget, "evaluated_at")
    if not budget.slo or evaluated_at is None:
        missing = "error_budget.evaluated_at" if budget.slo else "error_budget.slo"
        told = "is missing; an error budget always has it"
        raise InvalidInput(f"{missing} {told}", [Violation(missing, told)], reason="EVENT_MALFORMED")
    check_calendar("error_budget.evaluated_at", evaluated_at)
    burns = [each for each in budget.burns if each.HasField("burn") and not each.too_few_events]
    shortest = min(burns, key=lambda each: each.window.ToTimedelta(), default=None)
    standing = budget.standing
    return BudgetFact(
        slo=budget.slo,
        objective=budget.objective,
        component=budget.component,
        team=budget.team,
        told_at=evaluated_at,
        remaining=budget.remaining,
        burn=shortest.burn if shortest is not None else None,
        frozen=standing.effect == budget_policy_pb2.BUDGET_EFFECT_FREEZE,
        cause=Cause(standing.cause) if standing.cause in {*Cause} else Cause.UNKNOWN,
    )


def _outcome(newer: bool) -> Outcome:
    return Outcome.ACCEPTED if newer else Outcome.STALE
