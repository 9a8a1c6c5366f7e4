"""The private key of a log: read from a file, made at the first run where there is none."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from shared.transparency.note import Signer


class SigningKeyRefused(RuntimeError):
    """The file is there, and has no key that can be used."""


def signer_from_file(name: str, path: Path, *, make: bool) -> Signer:
    """Returns the signer `name` with the key in a PEM file (PKCS #8). Raises SigningKeyRefused.

    With `make` a missing file is made, readable by nobody else; two processes at once end with the same key.
    """
    if make and not path.exists():
        _make(path)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SigningKeyRefused(f"{path}: {error}; give a PEM file with an Ed25519 key that has no password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyRefused(f"{path}: has a key of another kind; make one with `openssl genpkey -algorithm ed25519`")
    return Signer(name, key)


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # unlike a rename, never in the place of a key that another process made meanwhile
    except FileExistsError:
        pass
    finally:
        draft.unlink()
