"""The teams file: calendars, teams and leave as one YAML document; or a refusal that names field, rule and remedy."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import yaml
from ballast.allocation.v1 import allocation_messages_pb2, capacity_service_pb2

from clients.cli.message_file import read_message
from shared.errors import InvalidInput, invalid_field

LARGEST_BYTES = 4_000_000
REASON = "TEAMS_FILE_INVALID"
_PARTS = ("calendars", "teams", "leaves")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class TeamsFile:
    """What a file asks to be stored, in the order in which it must be; `leaves` by team."""

    calendars: capacity_service_pb2.UpsertCalendarsRequest | None
    teams: allocation_messages_pb2.UpsertTeamsRequest | None
    leaves: tuple[capacity_service_pb2.UpsertLeavesRequest, ...]


def teams_file_of(text: str) -> TeamsFile:
    """Reads `calendars:`, `teams:` and `leaves:`, each a list of messages of the contract; days as 2026-05-01, times as 09:00."""
    try:
        told = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader, with fewer readings
    except yaml.YAMLError as error:
        raise _refused(f"is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(told, Mapping) or not told:
        raise _refused(f"is no mapping; write lists under {', '.join(_PARTS)}")
    if unknown := sorted(str(key) for key in told if key not in _PARTS):
        raise _refused(f"{unknown[0]}: is no part; there are {', '.join(_PARTS)}")
    plain = {key: _plain(value) for key, value in told.items() if value}
    calendars = _message({"calendars": plain.get("calendars")}, capacity_service_pb2.UpsertCalendarsRequest())
    teams = _message({"teams": plain.get("teams")}, allocation_messages_pb2.UpsertTeamsRequest())
    leaves = _message({"leaves": plain.get("leaves")}, capacity_service_pb2.UpsertLeavesRequest())
    by_team: dict[str, capacity_service_pb2.UpsertLeavesRequest] = {}
    for leave in leaves.leaves if leaves else ():
        team = leave.name.partition("/leaves/")[0]
        by_team.setdefault(team, capacity_service_pb2.UpsertLeavesRequest(team=team)).leaves.append(leave)
    return TeamsFile(calendars, teams, tuple(by_team.values()))


class _Loader(yaml.SafeLoader):
    """Reads 09:00 as it is written: YAML 1.1 takes it for a number to the base 60."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:int"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?\d+$"), list("-+0123456789"))


def _message(told: dict[str, Any], into: Any) -> Any:
    (part,) = told.values()
    return read_message(yaml.safe_dump(told), into) if part else None


def _plain(value: Any) -> Any:
    """Returns what a message's reader takes for days and times as people write them."""
    if isinstance(value, Mapping):
        return {key: _clock(each) if key == "begins" else _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo else f"{value.isoformat()}Z"
    if isinstance(value, date):
        return {"year": value.year, "month": value.month, "day": value.day}
    return value


def _clock(value: Any) -> Any:
    if not isinstance(value, str):
        return _plain(value)
    found = _CLOCK.fullmatch(value.strip())
    if found is None:
        raise _refused(f"begins: is {value!r}; write a time as 09:00")
    return {"hours": int(found[1]), "minutes": int(found[2])}


def _refused(description: str) -> InvalidInput:
    return invalid_field("FILE", description, reason=REASON)
