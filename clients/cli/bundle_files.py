"""Bundles on disk: all checked first, then each file written whole; never outside the directory given."""

import hashlib
import os
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from ballast.playbook.v1.bundle_pb2 import BundleFile

from clients.cli.output import plain
from shared.errors import Conflict, InvalidInput, Violation, invalid_field

_MODE = 0o644


class Outcome(StrEnum):
    """What writing did to a file."""

    WRITTEN = "written"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file of the bundle, and what writing did to it."""

    path: str
    outcome: Outcome


class BundleUnsafe(InvalidInput):
    reason = "BUNDLE_UNSAFE"


class FilesDiffer(Conflict):
    reason = "FILES_DIFFER"


def write_files(files: Sequence[BundleFile], directory: Path, *, force: bool) -> list[WrittenFile]:
    """Writes the files below `directory`, each atomically.

    Before anything is written: raises BundleUnsafe for a path that would leave the directory or bytes that do not fit their hash,
    and FilesDiffer when something else stands at a path, unless it is a plain file or a link and `force` is set. A link is
    replaced, never followed. Raises InvalidInput for a directory that cannot be written; earlier files may then be there.
    """
    _check_bundle(files)
    try:
        return _written(files, directory, force=force)
    except OSError as error:
        raise invalid_field(
            "DIR", f"{error.filename or directory} cannot be written ({error.strerror}); choose another directory"
        ) from None


def _written(files: Sequence[BundleFile], directory: Path, *, force: bool) -> list[WrittenFile]:
    root = directory.resolve()
    outcomes = [WrittenFile(file.path, _outcome(file, root)) for file in files]
    blocked = [f"{each.path} differs; --force replaces it" for each in outcomes if each.outcome is Outcome.REPLACED and not force]
    if blocked:
        raise FilesDiffer(f"nothing was written to {directory}: " + "; ".join(blocked))
    for file, each in zip(files, outcomes, strict=True):
        if each.outcome is not Outcome.UNCHANGED:
            _write(root / file.path, file.content)
    return outcomes


def _check_bundle(files: Sequence[BundleFile]) -> None:
    violations = [Violation(file.path, fault) for file in files for fault in _faults(file)]
    paths = {PurePosixPath(file.path) for file in files}
    violations += [
        Violation(str(path), "is a file and a directory at once") for path in paths if any(path in other.parents for other in paths)
    ]
    if len(paths) < len(files):
        violations.append(Violation("files", "name one path twice"))
    if violations:
        raise BundleUnsafe("the bundle is not safe to write, and nothing of it was written; render it again, and report it", violations)


def _faults(file: BundleFile) -> list[str]:
    found = []
    parts = file.path.split("/")
    # A colon begins a drive or a stream on some systems, a backslash a folder; a bundle needs neither.
    if not file.path or any(part in {"", ".", ".."} for part in parts) or "\\" in file.path or ":" in file.path:
        found.append("must be relative, with forward slashes and without . or .. parts")
    if plain(file.path) != file.path:
        found.append("holds a control character")
    if hashlib.sha256(file.content).hexdigest() != file.content_hash:
        found.append("its bytes do not fit its SHA-256")
    return found


def _outcome(file: BundleFile, root: Path) -> Outcome:
    target = root / file.path
    for folder in reversed(target.relative_to(root).parents[:-1]):
        _check_folder(root / folder, file.path)
    try:
        found = target.lstat()
    except FileNotFoundError:
        return Outcome.WRITTEN
    if stat.S_ISREG(found.st_mode):
        return Outcome.UNCHANGED if target.read_bytes() == file.content else Outcome.REPLACED
    if stat.S_ISLNK(found.st_mode):
        return Outcome.REPLACED
    raise FilesDiffer(f"nothing was written: {target} is not a plain file; move it away, or choose another directory")


def _check_folder(folder: Path, path: str) -> None:
    if folder.is_symlink():
        raise FilesDiffer(
            f"nothing was written: {folder} is a link, and {path} might leave the directory through it; choose another directory"
        )
    if folder.exists() and not folder.is_dir():
        raise FilesDiffer(f"nothing was written: {folder} is a file where {path} needs a directory; move it away")


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".ballast-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(_MODE)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
