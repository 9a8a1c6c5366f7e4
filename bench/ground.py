"""What every scenario stands on: the engines of the run, its sizes, and where its progress shows."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shared.embedded import Engines

DIRECTORY = Path(".ballast/bench")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured; the defaults fill `make bench`."""

    rounds: int = 5
    batch_alerts: int = 20_000  # a round, in batches of 500
    alerta_alerts: int = 300  # a round, singly
    single_alerts: int = 4_000  # a round, singly
    storm_alerts: int = 1_000_000
    storm_groups: int = 10_000
    storm_callers: int = 16
    storm_incidents: int = 6_000  # opened before, one for each status change: enough for five minutes
    calm_probes: int = 200
    storm_seconds: float = 240.0  # at most; what was not sent by then is left out, and the table says so
    open_alerts: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    flat_rounds: int = 12
    past_incidents: tuple[int, ...] = (10_000, 1_000_000)
    list_calls: int = 200
    bundles: int = 40
    scored: int = 5_000  # incidents a round, without a store
    assessed: int = 2_000  # a round, by events
    simulations: int = 500
    entities: int = 10_000  # of a catalogue
    blasts: int = 1_000
    budget_slos: int = 10_000
    appended: int = 20_000  # entries of the ledger, a round
    ledger_entries: int = 1_000_000
    proofs: int = 1_000
    plan_singles: int = 200  # roadmaps of one team, one after the other
    plan_teams: int = 1_000
    lineage_nodes: int = 1_000_000
    lineage_walks: int = 2_000
    demand_teams: int = 1_000
    split_teams: int = 200
    split_seconds: float = 5.0  # a round of each kind
    backtest_teams: int = 1_000
    backtest_rounds: int = 1


@dataclass(frozen=True, slots=True)
class Ground:
    """The run's engines and sizes; `progress` shows a line until the next one."""

    engines: Engines
    sizes: Sizes
    progress: Callable[[str], None]
    directory: Path = DIRECTORY
