"""Who calls: the principal of the call under way, kept with every event it causes."""

import contextvars
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SYSTEM = "system"
EVERY_TEAM = "*"

# What each role may do beside what its own name says.
INCLUDED: dict[str, frozenset[str]] = {
    "viewer": frozenset({"viewer"}),
    "responder": frozenset({"viewer", "responder"}),
    "planner": frozenset({"viewer", "planner"}),
    "approver": frozenset({"viewer", "responder", "planner", "approver"}),
    "admin": frozenset({"viewer", "responder", "planner", "approver", "admin"}),
    "service": frozenset({"viewer", "service"}),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: its name, and its roles, each for all teams (`*`) or for one (`teams/…`)."""

    name: str
    roles: frozenset[tuple[str, str]] = field(default_factory=frozenset)  # (role name in lower case, team or "*")

    def scoped_roles(self) -> frozenset[tuple[str, str]]:
        """Returns every role the caller has, those that its roles include too, each with the team it is for."""
        return frozenset((included, team) for role, team in self.roles for included in INCLUDED.get(role, frozenset()))


_NOBODY = Principal(SYSTEM)
_current: contextvars.ContextVar[Principal | None] = contextvars.ContextVar("principal", default=None)


def current_principal_name() -> str:
    """Returns who caused what is being done now; `system` outside of any call."""
    return current_principal().name


def current_principal() -> Principal:
    """Returns who caused what is being done now; outside of any call `system`, which has no role."""
    return _current.get() or _NOBODY


def admitted_name() -> str:
    """Returns who is calling; empty outside of any call, and before its caller was let in."""
    principal = _current.get()
    return principal.name if principal else ""


@dataclass(slots=True)
class Cause:
    """The call under way: its RPC, `package.Service/Method`, and the reason its caller gave; both empty outside of any call.

    `is_told` once an event was recorded that tells of it; tasks that the call starts share it.
    """

    method: str = ""
    reason: str = ""
    is_told: bool = False


_NO_CAUSE = Cause()
_cause: contextvars.ContextVar[Cause] = contextvars.ContextVar("cause", default=_NO_CAUSE)


def current_cause() -> Cause:
    return _cause.get()


def enter_call(cause: Cause) -> None:
    """For good: each call runs in a task of its own, whose context ends with it."""
    _cause.set(cause)


def enter(principal: Principal) -> "contextvars.Token[Principal | None]":
    return _current.set(principal)


def leave(token: "contextvars.Token[Principal | None]") -> None:
    _current.reset(token)


@contextmanager
def on_its_own() -> Iterator[None]:
    """What is done within, the system does: whoever calls just then did not ask for it, and their call is no less without a record.

    For what is made when it is first needed. The trace stays: it says when that was.
    """
    principal, cause = _current.set(_NOBODY), _cause.set(Cause())
    try:
        yield
    finally:
        _cause.reset(cause)
        _current.reset(principal)
