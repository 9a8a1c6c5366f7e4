"""Allocation put together."""

from sqlalchemy.engine import make_url

from services.allocation.domain.drift import ChartDesign
from services.allocation.settings import AllocationSettings
from services.allocation.storage.adherence_store import AdherenceStore
from services.allocation.storage.backtest_store import BacktestStore
from services.allocation.storage.capacity_store import CapacityStore
from services.allocation.storage.decision_store import DecisionStore
from services.allocation.storage.demand_store import DemandStore
from services.allocation.storage.heard_store import HeardStore
from services.allocation.storage.incident_store import IncidentStore
from services.allocation.storage.plan_store import PlanStore
from services.allocation.storage.policy_store import PolicyStore
from services.allocation.storage.preview_store import PreviewStore
from services.allocation.storage.roadmap_store import RoadmapStore
from services.allocation.storage.signal_store import SignalStore
from services.allocation.storage.split_cache import SplitCache
from services.allocation.storage.split_reads import SplitReads
from services.allocation.storage.split_store import SplitStore
from services.allocation.storage.tables import MIGRATIONS
from services.allocation.storage.team_store import TeamStore
from services.allocation.storage.work_store import WorkStore
from services.allocation.transport import (
    adherence_servicer,
    backtest_servicer,
    capacity_servicer,
    decision_servicer,
    demand_servicer,
    plan_servicer,
    policy_servicer,
    scenario_servicer,
    split_servicer,
    work_servicer,
)
from services.allocation.transport.documents import policy_kind
from services.allocation.transport.events import AssessmentEvents, encode
from services.allocation.transport.petitions import petition_of
from services.allocation.transport.servicer import SERVICE, AllocationParts, AllocationServicer
from services.allocation.transport.signal_events import SignalEvents
from services.allocation.transport.split_convert import split_to_bytes
from services.allocation.transport.tracing import tracing
from services.allocation.usecases.adherence import AdherenceTerms, AdherenceWatch
from services.allocation.usecases.backtests import Backtests
from services.allocation.usecases.capacity import Capacity
from services.allocation.usecases.decisions import Decisions, Stores
from services.allocation.usecases.demand import Demand
from services.allocation.usecases.explanations import Explanations
from services.allocation.usecases.plans import Plans
from services.allocation.usecases.policies import Policies
from services.allocation.usecases.policy_reviews import PolicyReviews
from services.allocation.usecases.policy_trials import PolicyTrials
from services.allocation.usecases.proposals import Proposals
from services.allocation.usecases.roadmap import Roadmap
from services.allocation.usecases.roadmap_imports import RoadmapImports
from services.allocation.usecases.rollbacks import Rollbacks
from services.allocation.usecases.scenarios import Scenarios
from services.allocation.usecases.splits import Splits
from services.allocation.usecases.teams import Teams
from services.allocation.usecases.work import Work
from shared.app import App
from shared.approvals.hearing import approval_handlers
from shared.clock import Clock, RealClock

NAME = "allocation"


async def build(settings: AllocationSettings, clock: Clock | None = None) -> App:
    """Builds the service; nothing listens or connects until it is started."""
    app = App(NAME, settings, clock or RealClock(), encode=encode, migrations=MIGRATIONS)
    policies = PolicyStore(app.database, app.outbox)
    roadmap = RoadmapStore(app.database, app.outbox)
    cache = SplitCache(app.cache, make_url(settings.database_url).database or "", settings.split_life)
    reads = SplitReads(split_store := SplitStore(app.database), cache, split_to_bytes)
    store = DecisionStore(app.database, app.outbox, policies, reads, settings.stale_after)
    stores = Stores(store, TeamStore(app.database, app.outbox), IncidentStore(app.database))
    proposals = Proposals(store, app.approvals, petition_of, app.clock)
    decisions = Decisions(stores, proposals, app.clock, tracing(app.telemetry.tracer))
    splits = Splits(reads, split_store, stores.teams)
    work = Work(WorkStore(app.database, app.outbox, roadmap, settings.work_classes), stores.teams, settings.work_classes, app.clock)
    teams, kept = Teams(stores.teams, policies, decisions, app.clock), Policies(policies, app.clock)
    parts = AllocationParts(teams, Roadmap(roadmap, app.clock), kept, decisions, work, splits)
    control = app.control(policy_kind(kept, PolicyTrials(store, stores.teams), app.clock))
    heard, signals = HeardStore(app.database), SignalStore(app.database)
    told = AssessmentEvents(decisions, heard).handlers() | SignalEvents(signals, heard, decisions).handlers()
    app.receive(told | approval_handlers(app.clock, control.progress.hear, proposals.hear))
    app.serve(SERVICE, AllocationServicer(app.database, parts, control))
    app.serve(split_servicer.SERVICE, split_servicer.SplitServicer(splits, app.feed))
    explanations, rollbacks = Explanations(store, policies), Rollbacks(store, decisions, app.clock)
    app.serve(decision_servicer.SERVICE, decision_servicer.DecisionServicer(app.database, explanations, rollbacks))
    plans = Plans(PlanStore(app.database, policies), app.clock, settings.plan_processes)
    app.closing(plans.close)
    app.serve(plan_servicer.SERVICE, plan_servicer.PlanServicer(app.database, plans, RoadmapImports(roadmap, app.clock)))
    app.serve(work_servicer.SERVICE, work_servicer.WorkServicer(app.database, work))
    capacity = Capacity(CapacityStore(app.database, app.outbox), stores.teams, decisions, app.clock)
    app.serve(capacity_servicer.SERVICE, capacity_servicer.CapacityServicer(app.database, capacity))
    terms = AdherenceTerms(ChartDesign(settings.drift_false_alarm_sprints), settings.least_recorded_share)
    watch = AdherenceWatch(AdherenceStore(app.database, app.outbox, stores.teams), stores.teams, terms, app.clock, app.telemetry.meter)
    app.serve(adherence_servicer.SERVICE, adherence_servicer.AdherenceServicer(watch))
    _serve_trials(app, store, policies, kept)
    app.every("* * * * *", "decide_due_sprints", decisions.decide_due_sprints)
    app.every("* * * * *", "proposals", proposals.tick)
    app.every("* * * * *", "adherence", watch.look)
    return app


def _serve_trials(app: App, store: DecisionStore, versions: PolicyStore, policies: Policies) -> None:
    """Serves what looks ahead or back and stores nothing: forecasts, back-tests, scenarios, and reviews of policies."""
    demand = DemandStore(app.database)
    reviews = PolicyReviews(PreviewStore(app.database, SignalStore(app.database)), policies, app.clock)
    app.serve(demand_servicer.SERVICE, demand_servicer.DemandServicer(Demand(demand, app.clock)))
    app.serve(backtest_servicer.SERVICE, backtest_servicer.BacktestServicer(Backtests(BacktestStore(app.database), versions, app.clock)))
    app.serve(scenario_servicer.SERVICE, scenario_servicer.ScenarioServicer(Scenarios(store, demand, versions, app.clock)))
    app.serve(policy_servicer.SERVICE, policy_servicer.PolicyServicer(reviews))
