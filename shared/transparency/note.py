"""Signed notes as C2SP writes them (c2sp.org/signed-note), with Ed25519: a text, and who signed it."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519 = b"\x01"
_PUBLIC_BYTES = 32
_MOST_SIGNATURES = 100
_LONGEST_NOTE = 1_000_000  # characters
_DASH = "\u2014 "


class NoteRefused(ValueError):
    """A note, or a key, that is not written as the format says, or a signature that does not fit: which, and why."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key and its name; as text `name+id+key`."""

    name: str
    key: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature names its key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.key).decode()}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Raises NoteRefused."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        key = _decoded(encoded, "the public key")
        if len(key) != _PUBLIC_BYTES + 1 or key[:1] != _ED25519:
            raise NoteRefused("the public key is not one of Ed25519: it is written as name+id+key, the key in base64 after the byte 1")
        verifier = cls(_name(name), key[1:])
        if verifier.id.hex() != key_id:
            raise NoteRefused(f"the public key's id is {verifier.id.hex()}, it says {key_id}: copy it whole, as it was given")
        return verifier

    def verify(self, text: str, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and its name."""

    name: str
    key: Ed25519PrivateKey

    @property
    def verifier(self) -> Verifier:
        return Verifier(_name(self.name), self.key.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """Returns the note of this text, which must end with a line end."""
        if not text.endswith("\n"):
            raise NoteRefused("the text of a note must end with a line end")
        signature = base64.b64encode(self.verifier.id + self.key.sign(text.encode())).decode()
        return f"{text}\n{_DASH}{self.name} {signature}\n"


def opened(note: str, known: Mapping[tuple[str, bytes], Verifier]) -> str:
    """Returns the text of a note that a known key signed, by the rules of the format; `known` is by name and id.

    Raises NoteRefused: signatures by others are passed over, one of a known key that does not fit spoils all.
    """
    text, signatures = _parts(note)
    verified = False
    for name, key_id, signature in signatures:
        verifier = known.get((name, key_id))
        if verifier is None:
            continue
        if not verifier.verify(text, signature):
            raise NoteRefused(f"the signature of {name} does not fit: the text was altered, or another key made it")
        verified = True
    if not verified:
        signers = ", ".join(f"{name}+{key_id.hex()}" for name, key_id, _ in signatures)
        raise NoteRefused(f"is signed by {signers}, none of them known here; give the public key of the log that it comes from")
    return text


def verifiers_by_id(verifiers: "list[Verifier]") -> dict[tuple[str, bytes], Verifier]:
    return {(each.name, each.id): each for each in verifiers}


def _parts(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    if len(note) > _LONGEST_NOTE or any(ord(character) < 0x20 and character != "\n" for character in note):
        raise NoteRefused("is no note: too long, or with control characters in it")
    text, gap, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    if not gap or lines[-1] or not 0 < len(lines) - 1 <= _MOST_SIGNATURES:
        raise NoteRefused("is no note: a text, an empty line, then a line for each signature")
    return text + "\n", [_signature(line) for line in lines[:-1]]


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    signature = _decoded(encoded, "a signature") if line.startswith(_DASH) else b""
    if len(signature) <= 4:
        raise NoteRefused(f"has a line that is no signature: {line[:80]!r}")
    return _name(name), signature[:4], signature[4:]


def _name(name: str) -> str:
    if not name or "+" in name or any(character.isspace() for character in name):
        raise NoteRefused(f"{name!r} cannot name a key: it must not be empty, and have neither spaces nor a plus")
    return name


def _decoded(encoded: str, what: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise NoteRefused(f"{what} is not base64") from None
