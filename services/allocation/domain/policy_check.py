"""Checking a policy that came as part of a larger request: what is wrong is named by its place there."""

from services.allocation.domain.errors import FieldRefused, PolicyRefused
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.policy_finding import check_whole


def check_body(field: str, policy: AllocationPolicy) -> None:
    """Raises what `check_whole` raises, at `field` instead of `policy`."""
    try:
        check_whole(policy)
    except FieldRefused as refused:
        found = refused.violations[0]
        raise type(refused).at(field + found.field.removeprefix("policy"), found.description) from None
    except PolicyRefused as refused:
        raise PolicyRefused([(field + each.field.removeprefix("policy"), each.description) for each in refused.violations]) from None
