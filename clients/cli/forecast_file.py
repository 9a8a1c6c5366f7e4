"""The history file: what came and what it took, by team, as JSON; or a refusal that names field, rule and remedy."""

import json
from collections.abc import Sequence

from ballast.allocation.v1 import demand_pb2
from google.protobuf.duration_pb2 import Duration

from clients.cli.names import team_name
from shared.errors import InvalidInput, invalid_field

LARGEST_BYTES = 16_000_000
REASON = "HISTORY_FILE_INVALID"
_FIELDS = ("counts", "efforts", "open_efforts", "period_days")
_LARGEST_COUNT = 2**31 - 1
_LARGEST_DAYS = 10_000


def histories_of(text: str) -> dict[str, demand_pb2.DemandHistory]:
    """Returns the histories by team name, from `{"web": {"counts": [3, 0, 2], "efforts": [6.5, 4], "open_efforts": [2]}}`."""
    try:
        read = json.loads(text)
    except ValueError as error:
        raise _refused("--history", f"is no JSON ({error}); write {{team: {{counts: […], efforts: […]}}}}") from None
    if not isinstance(read, dict) or not read:
        raise _refused("--history", "must be a mapping from teams to their histories; write {team: {counts: […], efforts: […]}}")
    return {team_name("--history", name): _history(name, told) for name, told in read.items()}


def _history(name: str, told: object) -> demand_pb2.DemandHistory:
    if not isinstance(told, dict):
        raise _refused(name, "must be a mapping of counts, efforts, open_efforts and period_days")
    if unknown := sorted(set(told) - set(_FIELDS)):
        raise _refused(f"{name}.{unknown[0]}", f"is no field; there are {', '.join(_FIELDS)}")
    counts = _numbers(f"{name}.counts", told.get("counts"), whole=True)
    history = demand_pb2.DemandHistory(
        periods=[demand_pb2.DemandPeriod(number=place, count=int(count)) for place, count in enumerate(counts, 1)],
        efforts=[
            demand_pb2.RemediationEffort(hours=hours, open=field == "open_efforts")
            for field in ("efforts", "open_efforts")
            for hours in _numbers(f"{name}.{field}", told.get(field, []))
        ],
    )
    if "period_days" in told:
        (days,) = _numbers(f"{name}.period_days", [told["period_days"]])
        if not 0 < days <= _LARGEST_DAYS:
            raise _refused(f"{name}.period_days", f"is {days:g}; write the days of a period, 1 to 366")
        history.period.CopyFrom(Duration(seconds=round(days * 86_400)))
    return history


def _numbers(field: str, told: object, *, whole: bool = False) -> Sequence[float]:
    if not isinstance(told, list):
        raise _refused(field, "must be a list of numbers, the oldest first")
    for place, each in enumerate(told):
        fits = isinstance(each, int) and abs(each) <= _LARGEST_COUNT if whole else isinstance(each, (int, float))
        if not fits or isinstance(each, bool):
            raise _refused(f"{field}[{place}]", f"is {each!r}; write a {'whole number' if whole else 'number'}")
    return told


def _refused(field: str, rule: str) -> InvalidInput:
    return invalid_field(field, rule, reason=REASON)
