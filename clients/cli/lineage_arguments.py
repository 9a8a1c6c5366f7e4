"""What people type to choose ways and edges of the lineage."""

from enum import StrEnum

from ballast.governance.v1 import governance_service_pb2 as pb
from ballast.governance.v1 import lineage_pb2

from shared.errors import invalid_field

_PREFIX = "LINEAGE_RELATION_"


class Direction(StrEnum):
    """Which way to walk, as an option."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"
    BOTH = "both"

    @property
    def number(self) -> "pb.LineageDirection.ValueType":
        return pb.LineageDirection.Value(f"LINEAGE_DIRECTION_{self.name}")


def relation_number(argument: str, text: str) -> "lineage_pb2.LineageRelation.ValueType":
    """Returns the relation of that name, `grouped-into` or `GROUPED_INTO`. Raises InvalidInput naming the argument and the choices."""
    name = f"{_PREFIX}{text.strip().upper().replace('-', '_').replace(' ', '_')}"
    if name not in lineage_pb2.LineageRelation.keys()[1:]:
        choices = ", ".join(each.removeprefix(_PREFIX).lower().replace("_", "-") for each in lineage_pb2.LineageRelation.keys()[1:])
        raise invalid_field(argument, f"{text!r} is no relation; choose from {choices}")
    return lineage_pb2.LineageRelation.Value(name)
