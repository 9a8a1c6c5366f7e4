"""What error budgets are made of, put together on one database."""

from datetime import timedelta

from opentelemetry.metrics import Meter

from services.triage.clients import PrometheusClient
from services.triage.domain.budget_policy import default_policy
from services.triage.storage.budget_incident_store import BudgetIncidentStore
from services.triage.storage.budget_policy_store import budget_policy_store
from services.triage.storage.budget_state_store import BudgetStateStore
from services.triage.storage.budget_store import BudgetStore
from services.triage.storage.budgeted_slos import BudgetedSlos
from services.triage.storage.sli_store import SliStore
from services.triage.usecases.budget_evaluation import BudgetEvaluation
from services.triage.usecases.budget_policies import BudgetPolicies
from services.triage.usecases.budget_readings import BudgetReadings
from services.triage.usecases.budget_trials import BudgetTrials
from services.triage.usecases.budget_watch import BudgetWatch, SliHousekeeping
from services.triage.usecases.budgets import Budgets, IncidentUses, Samples
from services.triage.usecases.pull_health import PullHealth
from services.triage.usecases.sli_pulling import SliPulling
from shared.clock import Clock
from shared.events.outbox import Outbox
from shared.storage.database import Database


class BudgetParts:
    """The use cases of error budgets, and the stores that events of others go to."""

    def __init__(self, database: Database, outbox: Outbox, clock: Clock) -> None:
        slos, series = BudgetedSlos(database), SliStore(database)
        policies, states = budget_policy_store(database, outbox, default_policy()), BudgetStateStore(database, outbox)
        self._slos, self._clock = slos, clock
        self.store, self.incidents = BudgetStore(database), BudgetIncidentStore(database, outbox)
        readings = BudgetReadings(series, self.store)
        evaluation = BudgetEvaluation(readings, self.incidents, states)
        self.policies = BudgetPolicies(policies, clock)
        self.watch = BudgetWatch(slos, evaluation, policies, states, self.incidents)
        self.samples = Samples(slos, series, self.watch, clock)
        self.budgets = Budgets(slos, self.store, readings, evaluation, policies)
        self.uses = IncidentUses(slos, self.incidents, evaluation, policies)
        self.trials = BudgetTrials(slos, evaluation, policies)
        self.housekeeping = SliHousekeeping(series)

    def pulling(self, client: PrometheusClient, default_url: str, interval: timedelta, meter: Meter) -> SliPulling:
        return SliPulling(self._slos, self.samples, client, default_url, interval, health=PullHealth(meter, self._clock))
