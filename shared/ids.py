"""Ids: UUIDv7 behind typed resource names, such as `things/0199…`."""

from datetime import datetime
from uuid import UUID

import uuid_utils


def new_id(now: datetime) -> UUID:
    """Returns a UUIDv7 of `now`: ids made later sort later, which keeps indexes compact."""
    return UUID(int=uuid_utils.uuid7(nanoseconds=int(now.timestamp() * 1_000_000) * 1_000).int)


def name_of(collection: str, identifier: UUID | str) -> str:
    """Returns the resource name `collection/identifier`."""
    return f"{collection}/{identifier}"


def id_of(name: str) -> str:
    """Returns the last segment of a resource name."""
    return name.rsplit("/", 1)[-1]


def uuid_of(name: str) -> UUID:
    """Returns the UUID at the end of a resource name. Raises ValueError when there is none."""
    return UUID(id_of(name))
