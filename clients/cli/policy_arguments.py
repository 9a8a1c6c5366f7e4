"""Allocation policies as people name them: the id, with `@` and a revision for an older version."""

import re

from clients.cli.session import LARGEST_REVISION
from shared.errors import invalid_field

_NAMED = re.compile(r"(?:allocationPolicies/)?([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:@(\d{1,18}))?")


def policy_and_revision(argument: str, text: str) -> tuple[str, int]:
    """Returns `allocationPolicies/{id}` and the revision, 0 for the newest. Raises InvalidInput naming the argument."""
    found = _NAMED.fullmatch(text.strip())
    if found is None:
        raise invalid_field(argument, f"{text!r} is no policy; write its id, such as default or default@3", reason="NAME_INVALID")
    revision = int(found[2] or 0)
    if revision > LARGEST_REVISION:
        raise invalid_field(argument, f"{revision} is no revision; write one that the policy has", reason="NAME_INVALID")
    return f"allocationPolicies/{found[1]}", revision
