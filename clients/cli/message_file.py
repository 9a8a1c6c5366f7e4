"""Messages as YAML documents: the contract's own fields, read strictly; severities and times may be written as people do."""

from collections.abc import Mapping
from typing import Any, TypeVar

import yaml
from google.protobuf import json_format
from google.protobuf.message import Message

from shared.errors import InvalidInput, invalid_field

Read = TypeVar("Read", bound=Message)
_LEVELS = ("LEVEL", ("LOW", "MEDIUM", "HIGH"))
_SEVERITIES = ("SEVERITY", ("SEV1", "SEV2", "SEV3", "SEV4", "SEV5"))
_WORDS = {word.lower(): f"{prefix}_{word}" for prefix, words in (_LEVELS, _SEVERITIES) for word in words}
# Fields whose values are words of these.
_ENUMS = {"impact", "urgency", "severity", "elevate_to", "elevateTo"}


def read_message(text: str, into: Read) -> Read:
    """Fills the message from a YAML (or JSON) mapping of its fields. Raises InvalidInput saying what is amiss, and where if known."""
    try:
        told = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise _refused(f"{where}is not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise _refused(f"is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(told, Mapping):
        raise _refused("is no mapping of fields; write the document as it is shown with --yaml")
    try:
        return json_format.ParseDict(_worded(told), into)
    except json_format.ParseError as error:
        raise _refused(f"does not fit the contract: {_told(error)}") from None


def message_yaml(message: Message, *leave_out: str) -> str:
    """Returns the message as a document that `read_message` takes; what the server alone sets can be left out."""
    told = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return yaml.safe_dump({key: _plain(value) for key, value in told.items() if key not in leave_out}, sort_keys=False, allow_unicode=True)


def _worded(told: Any, key: str = "") -> Any:
    if isinstance(told, Mapping):
        return {name: _worded(value, str(name)) for name, value in told.items()}
    if isinstance(told, list):
        return [_worded(each, key) for each in told]
    return _WORDS.get(told.lower(), told) if isinstance(told, str) and key in _ENUMS else told


def _plain(told: Any, key: str = "") -> Any:
    if isinstance(told, Mapping):
        return {name: _plain(value, str(name)) for name, value in told.items()}
    if isinstance(told, list):
        return [_plain(each, key) for each in told]
    return told.partition("_")[2].lower() if isinstance(told, str) and key in _ENUMS else told


def _told(error: json_format.ParseError) -> str:
    """Returns what the parser says, and what may stand there where it only says that something may not."""
    text = str(error).rstrip(".")
    if "Invalid enum value" in text:
        return f"{text}; severities are {', '.join(_SEVERITIES[1])}, levels {', '.join(_LEVELS[1])}, in either case"
    return text


def _refused(description: str) -> InvalidInput:
    return invalid_field("FILE", description, reason="FILE_INVALID")
