"""What playbook hears from intake, triage and allocation, and its own events in their wire form."""

from ballast.allocation.v1 import allocation_events_pb2 as allocation
from ballast.allocation.v1 import decision_pb2
from ballast.intake.v1 import intake_events_pb2 as intake
from ballast.playbook.v1 import playbook_events_pb2 as pb
from ballast.triage.v1 import triage_events_pb2 as triage

from services.playbook.domain.events import Event
from services.playbook.transport.convert import bundle_to_pb
from services.playbook.transport.facts import assessment_from_pb, decision_from_pb, incident_from_pb
from services.playbook.usecases.facts import Facts
from shared.events.event import EncodedEvent, Outcome, ReceivedEvent
from shared.events.sink import Handler

_ONLY_VERSION = 1  # a bundle never changes


def encode(event: Event) -> EncodedEvent:
    """Returns the event as it is recorded: the bundle without its files."""
    message = bundle_to_pb(event.bundle)
    message.ClearField("files")
    return EncodedEvent(event.bundle.name, _ONLY_VERSION, pb.BundleRendered(bundle=message), event.bundle.created_at)


class FactEvents:
    """Keeps the facts that other services tell, which renders what is due."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def handlers(self) -> dict[str, Handler]:
        return {
            intake.IncidentOpened.DESCRIPTOR.full_name: self._incident_opened,
            intake.IncidentChanged.DESCRIPTOR.full_name: self._incident_changed,
            triage.AssessmentMade.DESCRIPTOR.full_name: self._assessment_made,
            allocation.DecisionMade.DESCRIPTOR.full_name: self._decision_made,
            allocation.DecisionChanged.DESCRIPTOR.full_name: self._decision_changed,
        }

    async def _incident_opened(self, event: ReceivedEvent) -> Outcome:
        fact = incident_from_pb(event.unpack(intake.IncidentOpened).incident, event.version)
        return _outcome(await self._facts.incident(fact))

    async def _incident_changed(self, event: ReceivedEvent) -> Outcome:
        fact = incident_from_pb(event.unpack(intake.IncidentChanged).incident, event.version)
        return _outcome(await self._facts.incident(fact))

    async def _assessment_made(self, event: ReceivedEvent) -> Outcome:
        return _outcome(await self._facts.assessment(assessment_from_pb(event.unpack(triage.AssessmentMade).assessment)))

    async def _decision_made(self, event: ReceivedEvent) -> Outcome:
        decision = event.unpack(allocation.DecisionMade).decision
        # What waits for approvers is no split yet.
        return Outcome.IGNORED if decision.state == decision_pb2.DECISION_STATE_PROPOSED else await self._decided(decision)

    async def _decision_changed(self, event: ReceivedEvent) -> Outcome:
        changed = event.unpack(allocation.DecisionChanged)
        states = changed.from_state, changed.decision.state
        is_agreed = states == (decision_pb2.DECISION_STATE_PROPOSED, decision_pb2.DECISION_STATE_IN_FORCE)
        return await self._decided(changed.decision) if is_agreed else Outcome.IGNORED

    async def _decided(self, decision: decision_pb2.Decision) -> Outcome:
        if not decision.assessment:
            return Outcome.IGNORED  # a sprint began, or somebody asked: no incident is handled differently for it
        return _outcome(await self._facts.decision(decision_from_pb(decision)))


def _outcome(is_newest: bool) -> Outcome:
    return Outcome.ACCEPTED if is_newest else Outcome.STALE
