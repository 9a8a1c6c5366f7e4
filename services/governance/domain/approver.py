"""Approvers: whose word counts, and how a caller is known to be one of them."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from shared.principal import EVERY_TEAM, Principal

ROLES = ("responder", "planner", "approver", "admin")
Groups = Mapping[str, tuple[str, ...]]
Keys = frozenset[str]
"""What callers are compared by: `is:{person}` for a principal, `{role}@{team}` for a role. One in common is enough."""
# Seen by nobody, though Unicode counts them as letters, marks or signs: fillers, joiners, variation selectors and the empty Braille cell.
_SINGLE = (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0)
_UNSEEN = frozenset(map(chr, (*_SINGLE, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10))))


def person_of(name: str) -> str:
    """Returns the one key by which people are compared, whatever the spelling of their name; empty for a name of nobody.

    Without regard to case, to blanks and characters nobody sees, and to forms that Unicode holds to be the same (NFKC). Letters of
    other alphabets that only look alike stay different people.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(each for each in folded if unicodedata.category(each)[0] not in "CZ" and each not in _UNSEEN)


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
    """Returns the people who are named, each by its key."""
    named = frozenset(approvers.principals).union(*(groups[each] for each in approvers.groups))
    return frozenset(person_of(each) for each in named)


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
    return f"is:{person_of(principal)}"
