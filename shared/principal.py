"""Who calls: the principal of the call under way, kept with every event it causes."""

import contextvars
from dataclasses import dataclass, field

SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: its name, and its roles, each for all teams (`*`) or for one (`teams/…`)."""

    name: str
    roles: frozenset[tuple[str, str]] = field(default_factory=frozenset)  # (role name in lower case, team or "*")


_current: contextvars.ContextVar[Principal | None] = contextvars.ContextVar("principal", default=None)


def current_principal_name() -> str:
    """Returns who caused what is being done now; `system` outside of any call."""
    principal = _current.get()
    return principal.name if principal else SYSTEM


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
