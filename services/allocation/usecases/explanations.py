"""Explaining a decision from what was recorded with it."""

from dataclasses import dataclass
from uuid import UUID

from services.allocation.domain.counterfactual import SmallestChange, smallest_changes
from services.allocation.domain.decision import Decision
from services.allocation.domain.explanation import Step, sentences_of, steps_to
from services.allocation.storage.decision_store import DecisionStore
from services.allocation.storage.policy_store import PolicyStore


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision in words, as steps to its share, and by what would have changed it."""

    decision: Decision
    sentences: tuple[str, ...]
    steps: tuple[Step, ...]
    smallest_changes: tuple[SmallestChange, ...]


class Explanations:
    """Why splits are as they are."""

    def __init__(self, decisions: DecisionStore, policies: PolicyStore) -> None:
        self._decisions = decisions
        self._policies = policies

    async def explain(self, decision_id: UUID) -> Explanation:
        """Raises DecisionNotFound."""
        found = await self._decisions.get(decision_id)
        policy = await self._policies.get(found.policy, found.policy_revision)
        changes = smallest_changes(found, policy)
        return Explanation(found, (*sentences_of(found), *(each.sentence for each in changes)), steps_to(found), changes)
