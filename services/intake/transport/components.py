"""What intake hears of the catalogue of components: who depends on whom."""

from ballast.triage.v1 import triage_events_pb2 as triage

from services.intake.storage.dependency_store import DependencyStore
from shared.errors import invalid_field
from shared.events.event import Outcome, ReceivedEvent
from shared.events.sink import Handler
from shared.ids import id_of


class ComponentEvents:
    """Keeps the dependencies of each component that triage tells of."""

    def __init__(self, store: DependencyStore) -> None:
        self._store = store

    def handlers(self) -> dict[str, Handler]:
        return {triage.ComponentChanged.DESCRIPTOR.full_name: self._changed}

    async def _changed(self, event: ReceivedEvent) -> Outcome:
        """Raises InvalidInput for a component without a name: nothing could be kept of it."""
        component = event.unpack(triage.ComponentChanged).component
        if not id_of(component.name):
            raise invalid_field("component.name", "is empty; send components/ and the id", reason="EVENT_MALFORMED")
        needed = [id_of(each) for each in component.dependencies if id_of(each)]
        is_newest = await self._store.put(id_of(component.name), needed, event.version)
        return Outcome.ACCEPTED if is_newest else Outcome.STALE
