"""What commands of `ballast ledger` are given: options that several have, keys, and files that must not be lost."""

import os
from pathlib import Path
from typing import Annotated

import typer

from clients.cli.addresses import PORTS
from clients.cli.session import Session
from shared.errors import InvalidInput, invalid_field
from shared.transparency.note import NoteRefused, Verifier

# A long ledger takes minutes to verify or to export; the server's own default would cut it off.
_LONG_SECONDS = 3600.0
STANDARD = "-"  # as a FILE: standard input or output

Subject = Annotated[str, typer.Option(metavar="NAME", help="Only entries about this resource.")]
Principal = Annotated[str, typer.Option(metavar="NAME", help="Only entries caused by this principal.")]
Keys = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="KEY|FILE", help="Public key of the ledger, name+id+key, or a file that has it; repeat after a new key."),
]


def patience(session: Session) -> float:
    """Returns for how many seconds a long call may take."""
    return session.connection.timeout_seconds or _LONG_SECONDS


def source_of(text: str) -> str:
    """Returns the source that is meant: `triage` is short for `/ballast/triage`; others than the suite's services may have any name."""
    return f"/ballast/{text}" if text in PORTS else text


def verifiers(given: list[str] | None) -> list[Verifier]:
    """Reads public keys, or the files that have them. Raises InvalidInput."""
    if not given:
        description = "is missing: give the ledger's public key, as `ballast ledger checkpoint` on a machine you trust prints it"
        raise invalid_field("--key", description, reason="KEY_MISSING")
    return [_verifier(each) for each in given]


def _verifier(given: str) -> Verifier:
    text = given
    if "+" not in given:
        try:
            text = Path(given).read_text(encoding="utf-8")
        except (OSError, ValueError):
            rule = f"{given!r} is neither a key, which is written name+id+key, nor a file that can be read"
            raise invalid_field("--key", rule, reason="KEY_REFUSED") from None
    try:
        return Verifier.from_text(text)
    except NoteRefused as error:
        raise invalid_field("--key", str(error), reason="KEY_REFUSED") from None


def check_new(file: Path, remedy: str) -> None:
    """Raises InvalidInput where there is something of that name already."""
    if os.path.lexists(file):
        raise file_exists(file, remedy)


def file_exists(file: Path, remedy: str) -> InvalidInput:
    return invalid_field("FILE", f"{file} is there already; {remedy}", reason="FILE_EXISTS")
