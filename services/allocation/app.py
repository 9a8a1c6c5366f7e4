"""Allocation put together."""

from sqlalchemy.engine import make_url

from services.allocation.settings import AllocationSettings
from services.allocation.storage.backtest_store import BacktestStore
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
from services.allocation.storage.tables import MIGRATIONS
from services.allocation.storage.team_store import TeamStore
from services.allocation.transport import backtest_servicer, decision_servicer, demand_servicer, policy_servicer, scenario_servicer
from services.allocation.transport.backtest_servicer import BacktestServicer
from services.allocation.transport.decision_servicer import DecisionServicer
from services.allocation.transport.documents import policy_kind
from services.allocation.transport.events import AssessmentEvents, encode
from services.allocation.transport.petitions import petition_of
from services.allocation.transport.plan_servicer import SERVICE as PLANS
from services.allocation.transport.plan_servicer import PlanServicer
from services.allocation.transport.scenario_servicer import ScenarioServicer
from services.allocation.transport.servicer import SERVICE, AllocationParts, AllocationServicer
from services.allocation.transport.signal_events import SignalEvents
from services.allocation.transport.tracing import tracing
from services.allocation.usecases.backtests import Backtests
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
from services.allocation.usecases.teams import Teams
from shared.app import App
from shared.approvals.hearing import approval_handlers
from shared.clock import Clock, RealClock

NAME = "allocation"


async def build(settings: AllocationSettings, clock: Clock | None = None) -> App:
    """Builds the service; nothing listens or connects until it is started."""
    app = App(NAME, settings, clock or RealClock(), encode=encode, migrations=MIGRATIONS)
    policies = PolicyStore(app.database, app.outbox)
    roadmap = RoadmapStore(app.database, app.outbox)
    cache = SplitCache(app.cache, make_url(settings.database_url).database or "")
    store = DecisionStore(app.database, app.outbox, policies, cache, settings.stale_after)
    stores = Stores(store, TeamStore(app.database, app.outbox), IncidentStore(app.database))
    proposals = Proposals(store, app.approvals, petition_of, app.clock)
    decisions = Decisions(stores, proposals, app.clock, tracing(app.telemetry.tracer))
    parts = AllocationParts(
        Teams(stores.teams, policies, app.clock), Roadmap(roadmap, stores.teams, app.clock), Policies(policies, app.clock), decisions
    )
    control = app.control(policy_kind(parts.policies, PolicyTrials(store, stores.teams), app.clock))
    app.serve(SERVICE, AllocationServicer(app.database, parts, control))
    rollbacks = Rollbacks(store, decisions, app.clock)
    app.serve(decision_servicer.SERVICE, DecisionServicer(app.database, Explanations(store, policies), rollbacks))
    heard, signals = HeardStore(app.database), SignalStore(app.database)
    told = AssessmentEvents(decisions, heard).handlers() | SignalEvents(signals, heard, decisions).handlers()
    app.receive(told | approval_handlers(app.clock, control.progress.hear, proposals.hear))
    demand = DemandStore(app.database)
    app.serve(demand_servicer.SERVICE, demand_servicer.DemandServicer(Demand(demand, app.clock)))
    app.serve(backtest_servicer.SERVICE, BacktestServicer(Backtests(BacktestStore(app.database), policies, app.clock)))
    app.serve(scenario_servicer.SERVICE, ScenarioServicer(Scenarios(store, demand, policies, app.clock)))
    imports = RoadmapImports(roadmap, app.clock)
    app.serve(PLANS, PlanServicer(app.database, Plans(PlanStore(app.database, policies), app.clock), imports))
    reviews = PolicyReviews(PreviewStore(app.database, signals), parts.policies, app.clock)
    app.serve(policy_servicer.SERVICE, policy_servicer.PolicyServicer(reviews))
    app.every("* * * * *", "decide_due_sprints", decisions.decide_due_sprints)
    app.every("* * * * *", "proposals", proposals.tick)
    return app
