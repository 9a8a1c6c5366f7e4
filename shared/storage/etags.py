"""Etags: a row's version, as clients see it."""

from shared.errors import Conflict


def etag_of(version: int) -> str:
    return f"v{version}"


def check_etag(name: str, version: int, etag: str) -> None:
    """Raises Conflict when `etag` is given and is not that of `version`."""
    if etag and etag != etag_of(version):
        raise Conflict(
            f"{name} changed: it is at etag {etag_of(version)}, the request was for {etag}; read it again and decide anew",
            metadata={"name": name, "etag": etag_of(version)},
        )
