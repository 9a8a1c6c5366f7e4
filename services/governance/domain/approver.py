"""Approvers: whose word counts, and how a caller is known to be one of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.principal import EVERY_TEAM, Principal

ROLES = ("responder", "planner", "approver", "admin")
Groups = Mapping[str, tuple[str, ...]]
Keys = frozenset[str]
"""What callers are compared by: `is:{name}` for a principal, `{role}@{team}` for a role. One in common is enough."""


@dataclass(frozen=True, slots=True)
class Approvers:
    """Anybody named, directly or through a group, and anybody who has one of the roles for the team."""

    roles: tuple[str, ...] = ()
    team: str = ""  # `teams/…`, `*` for all teams, or that of the approval when empty
    principals: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.roles or self.principals or self.groups)

    def __str__(self) -> str:
        scope = {"": "", EVERY_TEAM: " for all teams"}.get(self.team, f" for {self.team}")
        named = [f"the role {role}{scope}" for role in self.roles] + [f"the group {group}" for group in self.groups]
        return " or ".join([*named, *self.principals])


def names_of(approvers: Approvers, groups: Groups) -> frozenset[str]:
    """Returns the principals who are named."""
    return frozenset(approvers.principals).union(*(groups[each] for each in approvers.groups))


def keys_of(approvers: Approvers, team: str, groups: Groups) -> Keys:
    """Returns the keys of which a caller must have one, for an approval of this team, empty for none.

    A role for all teams will do for each of them; where there is no team, nothing less will.
    """
    scopes = {EVERY_TEAM, approvers.team or team} - {""}
    roles = {f"{role}@{scope}" for role in approvers.roles for scope in scopes}
    return frozenset(roles | {_named(each) for each in names_of(approvers, groups)})


def keys_held_by(caller: Principal) -> Keys:
    return frozenset(f"{role}@{team}" for role, team in caller.scoped_roles()) | {_named(caller.name)}


def _named(principal: str) -> str:
    return f"is:{principal}"
