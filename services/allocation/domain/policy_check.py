"""Checking a policy that came as part of a larger request: what is wrong is named by its place there."""

from services.allocation.domain.errors import FieldRefused
from services.allocation.domain.policy import AllocationPolicy, check_policy


def check_body(field: str, policy: AllocationPolicy) -> None:
    """Raises what `check_policy` raises, at `field` instead of `policy`."""
    try:
        check_policy(policy)
    except FieldRefused as refused:
        found = refused.violations[0]
        raise type(refused).at(field + found.field.removeprefix("policy"), found.description) from None
