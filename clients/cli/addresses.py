"""Addresses: where each service of the suite is."""

import json
from collections.abc import Mapping
from pathlib import Path

from shared.errors import InvalidInput, Unavailable, invalid_field

PORTS = {"intake": 7101, "triage": 7102, "allocation": 7103, "playbook": 7104, "governance": 7106}
DEFAULT_STATE = Path(".ballast")
SUITE_FILE = "suite.json"


def address_key(service: str) -> str:
    """Returns the environment variable that says where the service is."""
    return f"BALLAST_{service.upper()}_ADDRESS"


def find_addresses(given: Mapping[str, str | None], state: Path | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Returns `host:port` of every service. The first that says something wins: its option; the running suite of a state directory
    asked for; the environment; the running suite of the default state directory; the default port.

    Raises Unavailable when no suite runs in a directory that was asked for: another suite must not answer in its place.
    """
    from_state = _read(state / SUITE_FILE) if state is not None else {}
    if state is not None and not from_state and not all(given.get(service) for service in PORTS):
        raise Unavailable(
            f"no suite runs with its state in {state} ({state / SUITE_FILE} is absent); start it with: ballast up --state {state}",
            reason="SUITE_NOT_RUNNING",
        )
    by_default = _read(DEFAULT_STATE / SUITE_FILE) if state is None else {}
    return {
        service: given.get(service)
        or from_state.get(service)
        or environment.get(address_key(service))
        or by_default.get(service)
        or f"127.0.0.1:{port}"
        for service, port in PORTS.items()
    }


def service_named(text: str) -> str:
    """Returns the service. Raises InvalidInput for a name that is none."""
    if text not in PORTS:
        raise invalid_field("SERVICE", f"{text!r} is no service; give one of {', '.join(PORTS)}", reason="SERVICE_UNKNOWN")
    return text


def _read(path: Path) -> dict[str, str]:
    try:
        addresses = json.loads(path.read_text())["addresses"]
        return {service: str(address) for service, address in addresses.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"{path} is not what a running suite writes ({type(error).__name__}); stop the suite, remove the file, and start it again",
            reason="SUITE_FILE_INVALID",
        ) from None
