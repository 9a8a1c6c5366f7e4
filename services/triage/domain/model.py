"""The scoring model: which inputs count, on which axis, how much, and how much when they are missing.

    log-odds = intercept + Σ contributions        points = factor · contribution        score = offset + Σ points

Both sums hold exactly, in any order and in any language: contributions lie on a grid of 1/1024, and so far as that goes
binary floating point does not round. The odds are those of "somebody must be called now" (SEV3 or worse).
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from enum import Enum, IntEnum

from services.triage.domain.override import Override
from services.triage.domain.scale import Scale, Value

GRID = 1024


class Axis(IntEnum):
    """Which of the two axes of the matrix a term counts towards."""

    IMPACT = 1
    URGENCY = 2


@dataclass(frozen=True, slots=True)
class Feature:
    """One input and what it adds to the log-odds, from `least` at its mildest to `most` at its worst."""

    name: str
    axis: Axis
    least: float
    most: float
    when_missing: float
    scale: Scale
    reason: str
    unit: str = ""
    rises_if: str = ""  # completes "rises to SEV1 if …", with {} for the value; empty for what no one can change
    drops_if: str = ""

    def __post_init__(self) -> None:
        if not self.least <= self.when_missing <= self.most:
            raise ValueError(f"{self.name}: when_missing must lie between least and most")
        if not self.when_missing:
            raise ValueError(f"{self.name}: a missing input is never silently zero; give when_missing another value")
        if any(number != on_grid(number) for number in (self.least, self.most, self.when_missing)):
            raise ValueError(f"{self.name}: least, most and when_missing must be multiples of 1/{GRID}")

    def contribution(self, value: Value) -> float:
        return on_grid(self.least + (self.most - self.least) * self.scale.fraction(value))


@dataclass(frozen=True, slots=True)
class ScoringModel:
    """A version of the model. What it says depends on nothing but its numbers, and `weights_hash` is theirs."""

    version: str
    features: tuple[Feature, ...]
    overrides: tuple[Override, ...]
    offset: float
    factor: float
    currency: str  # in which its revenue scale is drawn; revenue in another counts as unknown
    weights_hash: str = field(init=False, repr=False, compare=False)

    @property
    def intercept(self) -> float:
        """Always 0: the features are centred instead, so that offset and points alone add up to the score."""
        return 0.0

    def __post_init__(self) -> None:
        if any(number != on_grid(number) for number in (self.offset, self.factor)):
            raise ValueError(f"offset and factor must be multiples of 1/{GRID}, or the sums would round")
        # Asked for with every finding, and costs as much as one: worked out once.
        object.__setattr__(self, "weights_hash", _hash_of(self))

    def __hash__(self) -> int:
        """Of the numbers alone, so that what is worked out once for a model is found again in no time."""
        return hash(self.weights_hash)


def _hash_of(model: ScoringModel) -> str:
    """Returns the SHA-256 over every number and name that decides a result; sentences for people do not count."""
    features = [
        {
            "name": feature.name,
            "axis": feature.axis.name,
            "least": feature.least,
            "most": feature.most,
            "when_missing": feature.when_missing,
            "scale": [type(feature.scale).__name__, asdict(feature.scale)],
        }
        for feature in model.features
    ]
    weights = {
        "version": model.version,
        "features": features,
        "overrides": [[override.reason, override.at_least.name] for override in model.overrides],
        "intercept": model.intercept,
        "offset": model.offset,
        "factor": model.factor,
        "currency": model.currency,
    }
    canonical = json.dumps(_named(weights), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def on_grid(number: float) -> float:
    """Returns the nearest multiple of 1/1024, which binary floating point holds and adds without rounding."""
    return round(number * GRID) / GRID


def _named(value: object) -> object:
    """Replaces enum members by their names, so that renumbering one does not change the hash."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, dict):
        return {key: _named(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_named(inner) for inner in value]
    return value
