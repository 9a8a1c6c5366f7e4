"""The shape rules of the contract, applied to a request or to one item of it, as violations that say field, rule and remedy."""

import json
from typing import Any

import protovalidate
from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from protobuf import Message as AnyNative

from shared.errors import Violation
from shared.rpc.fault import faults_of
from shared.rpc.remedies import remedy_of

_FINITE = {"double.finite", "float.finite"}


def breaches_of(message: Message | AnyNative[Any]) -> list[Violation]:
    """Returns every field of the message, however deep, that breaks a rule of its contract."""
    found = protovalidate.collect_violations(message)
    # What is no number is also neither above nor below any: said once is enough.
    no_numbers = {_path(each.proto.field) for each in found if each.proto.rule_id in _FINITE}
    told = [each for each in found if each.proto.rule_id in _FINITE or _path(each.proto.field) not in no_numbers]
    return [_violation(each.proto, _enum_values(message, each.proto) or each.rule_value) for each in told]


def item_breaches_of(item: Message | AnyNative[Any], place: str) -> list[Violation]:
    """Returns what is wrong with one item of a batch, as fields of the request in which it stands at `place`.

    For items whose contract says `ignore: IGNORE_ALWAYS`, so that one of them does not take the others with it. Text that no store
    keeps and times that do not exist are looked for at once: found later, they would fail the whole batch.
    """
    found = faults_of(item) or breaches_of(item)
    return [Violation(f"{place}.{each.field}" if each.field else place, each.description) for each in found]


def _violation(found: Any, rule_value: Any) -> Violation:
    """Returns the field, the rule it breaks and the remedy."""
    return Violation(_path(found.field), f"{found.message}: {remedy_of(found.rule_id, rule_value)} (rule {found.rule_id})")


def _enum_values(message: Any, found: Any) -> list[str]:
    """Returns what an enum that was set to a number it does not have can be; nothing for another breach."""
    if found.rule_id != "enum.defined_only":
        return []
    name = message.DESCRIPTOR.full_name if isinstance(message, Message) else message.desc().type_name
    of: Any = descriptor_pool.Default().FindMessageTypeByName(name)
    field: Any = None
    for element in found.field.elements:
        field = of.fields_by_name[element.field_name]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            field = field.message_type.fields_by_name["value"]
        of = field.message_type
    return [value.name for value in field.enum_type.values if value.number]


def _path(field: Any) -> str:
    """Returns a field path as `reports[3].labels["component"]`."""
    parts = []
    for element in field.elements:
        subscript = element.subscript
        index = f"[{json.dumps(subscript.value)}]" if subscript is not None else ""
        parts.append(f"{element.field_name}{index}")
    return ".".join(parts)
