"""The difference of two documents as people read it: a unified diff of both in YAML."""

import difflib
from typing import Any

import yaml

_CONTEXT = 3  # lines around each change


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such, so that it is compared line by line."""


def _text(dumper: _Dumper, value: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def difference(before: object, after: object, *, names: tuple[str, str]) -> str:
    """Returns the unified diff of two JSON values under two names; empty where they are equal. None is nothing at all."""
    left, right = (_lines(each) for each in (before, after))
    return "\n".join(difflib.unified_diff(left, right, *names, lineterm="", n=_CONTEXT))


def _lines(value: object) -> list[str]:
    if value is None:
        return []
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=2**16, default_flow_style=False)
    return text.splitlines()
