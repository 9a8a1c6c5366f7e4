"""Versions of the scoring model: the one in force, candidates that were fitted, and those that were in force once."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from services.triage.domain.calibration import Calibration
from services.triage.domain.model import ScoringModel


class ModelState(IntEnum):
    IN_FORCE = 1
    CANDIDATE = 2
    RETIRED = 3


@dataclass(frozen=True, slots=True)
class FitRecord:
    """How a candidate came to be, and how it would have done."""

    base_version: str
    used_count: int
    left_out_count: int
    before: Calibration
    after: Calibration


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A scoring model as it is stored."""

    model: ScoringModel
    fit: FitRecord | None  # None for what was set by judgement
    author: str
    reason: str
    create_time: datetime

    @property
    def name(self) -> str:
        return f"scoringModels/{self.model.version}"

    def state(self, in_force: ScoringModel) -> ModelState:
        if self.model.weights_hash == in_force.weights_hash:
            return ModelState.IN_FORCE
        return ModelState.CANDIDATE if self.fit else ModelState.RETIRED
