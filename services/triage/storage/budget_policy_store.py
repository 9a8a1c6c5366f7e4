"""How the budget policy is stored."""

from datetime import timedelta
from typing import Any

from services.triage.domain.budget_cause import BudgetCause
from services.triage.domain.budget_events import BudgetPolicyChanged
from services.triage.domain.budget_policy import BudgetEffect, BudgetPolicy, BudgetStep
from services.triage.domain.errors import BudgetPolicyRevisionNotFound
from services.triage.storage.budget_tables import budget_policy
from shared.events.outbox import Outbox
from shared.revisions import Form, RevisionStore
from shared.storage.database import Database


def budget_policy_store(database: Database, outbox: Outbox, default: BudgetPolicy) -> RevisionStore[BudgetPolicy]:
    """Returns the versions of the budget policy; the first is `default`, stored when the policy is first looked at."""
    form = Form("budgetPolicy", "policy", default, _document, _policy, BudgetPolicyChanged, BudgetPolicyRevisionNotFound)
    return RevisionStore(database, outbox, budget_policy, form)


def _policy(document: dict[str, Any]) -> BudgetPolicy:
    return BudgetPolicy(tuple(_step(each) for each in document["steps"]), document["post_mortem_share"], document["planning_share"])


def _step(stored: dict[str, Any]) -> BudgetStep:
    return BudgetStep(
        name=stored["name"],
        effect=BudgetEffect[stored["effect"]],
        window=None if stored["window"] is None else timedelta(seconds=stored["window"]),
        burn=stored["burn"],
        remaining=stored["remaining"],
        effects={BudgetCause[cause]: BudgetEffect[effect] for cause, effect in stored["effects"]},
        reliability_share=stored["reliability_share"],
    )


def _document(policy: BudgetPolicy) -> dict[str, Any]:
    return {
        "steps": [
            {
                "name": each.name,
                "effect": each.effect.name,
                "window": None if each.window is None else each.window.total_seconds(),
                "burn": each.burn,
                "remaining": each.remaining,
                "effects": [[cause.name, effect.name] for cause, effect in each.effects.items()],
                "reliability_share": each.reliability_share,
            }
            for each in policy.steps
        ],
        "post_mortem_share": policy.post_mortem_share,
        "planning_share": policy.planning_share,
    }
