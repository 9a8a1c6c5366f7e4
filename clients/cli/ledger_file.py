"""Ledger exports, checked with nothing but the public key of the ledger.

A file has one ExportEntriesResponse a line, in protobuf's JSON form. What is checked does not depend on whoever wrote it: the checkpoint
must be signed by the given key, and every entry must be proved against it.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clients.cli.ledger_line import LineRefused, part_from_line, unknown_fields
from clients.cli.ledger_record import Records
from shared.transparency.checkpoint import Checkpoint
from shared.transparency.merkle import HASH_BYTES, Hash, Peaks, leaf_hash, root_from_inclusion, root_from_node
from shared.transparency.note import NoteRefused, Verifier, opened, verifiers_by_id

LEAF_FORMAT = "ballast.governance.v1.LedgerEntry"
CONTENT_MISMATCH = "CONTENT_MISMATCH"
_MOST_UNKNOWN = 20
_TELL_EVERY = 1000  # entries


@dataclass(frozen=True, slots=True)
class FileFault:
    """The first entry that does not fit, 0 where it is the file itself, and why; in a stretch of entries, its last one too."""

    sequence: int
    detail: str
    last_sequence: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What a file proves: so many entries of a ledger that was signed at this checkpoint; or the fault that ended it.

    `erased_count` are those without content of whose erasure the file has the record; of the `bare` ones it has none, and whether they
    were erased it cannot tell.
    """

    entry_count: int
    erased_count: int
    checkpoint: Checkpoint | None
    is_complete: bool
    fault: FileFault | None = None
    sealed_count: int = 0  # entries of which it has the hashes alone
    bare: tuple[int, ...] = ()
    recorded: frozenset[int] = frozenset()  # entries that were erased by the records it has, in it or not
    unknown: tuple[str, ...] = ()  # fields that nothing proves, for nobody knows what they mean


class _Found(Exception):
    """A fault was found."""

    def __init__(self, sequence: int, detail: str, last_sequence: int = 0, reason: str = "") -> None:
        super().__init__(detail)
        self.fault = FileFault(sequence, detail, last_sequence, reason)


def verify_file(
    lines: Iterable[str | bytes], keys: Sequence[Verifier], tell: Callable[[int, int], object] = lambda _, __: None
) -> FileVerdict:
    """Checks an export that one of the keys signed; tells now and then how many entries are checked, of how many of the ledger."""
    reading = _Reading(keys, tell)
    try:
        for number, line in enumerate(lines, 1):
            reading.take(_part(line, number), number)
        reading.end()
    except _Found as found:
        return reading.verdict(found.fault)
    return reading.verdict()


class _Reading:
    """A file as far as it was read."""

    def __init__(self, keys: Sequence[Verifier], tell: Callable[[int, int], object]) -> None:
        self._known = verifiers_by_id(list(keys))
        self._tell = tell
        self._checkpoint: Checkpoint | None = None
        self._complete = False
        self._sealed_through = 0
        self._position = 0  # in a complete export: everything up to it was read
        self._count = 0
        self._records = Records()
        self._unknown: dict[str, None] = {}
        self._last = 0  # sequence
        self._signed = 0  # size of the last checkpoint that fits
        self._peaks = Peaks()
        self._leaves: list[Hash] = []  # not yet part of the peaks
        self._proved: tuple[int, Sequence[Hash]] = (0, ())  # sequence of the first leaf of the tile under way, and its hashes
        self._footer: int | None = None

    def verdict(self, fault: FileFault | None = None) -> FileVerdict:
        sealed, records = self._position - self._count if self._complete else 0, self._records
        bare = records.unexplained
        return FileVerdict(
            entry_count=self._count,
            erased_count=len(records.bare) - len(bare),
            checkpoint=self._checkpoint,
            is_complete=self._complete,
            fault=fault,
            sealed_count=sealed,
            bare=bare,
            recorded=frozenset(records.erased),
            unknown=tuple(self._unknown),
        )

    def take(self, part: Mapping[str, Any], number: int) -> None:
        if self._footer is not None:
            raise _Found(0, f"line {number} comes after the last part")
        if (number == 1) != ("header" in part):
            raise _Found(0, "the first line, and no other, must be the header")
        self._unknown.update(dict.fromkeys(unknown_fields(part)) if len(self._unknown) < _MOST_UNKNOWN else {})
        if "header" in part:
            self._begin(part["header"])
        elif "entry" in part:
            self._entry(part["entry"])
        elif "tile" in part:
            self._tile(part["tile"])
        elif "checkpoint" in part:
            self._intermediate(part["checkpoint"])
        elif "footer" in part:
            self._footer = _number(part["footer"], "entry_count", "entryCount")
        else:
            raise _Found(0, f"line {number} has a part that this version does not know; verify with a newer one")

    def end(self) -> None:
        if self._checkpoint is None:
            raise _Found(0, "the file is empty")
        if self._footer is None:
            raise _Found(self._last + 1, "the file was cut off: it has no last part")
        if self._footer != self._count:
            raise _Found(self._last + 1, f"the file has {self._count} entries, and its last part counts {self._footer}")
        if not self._complete:
            if not self._count:
                raise _Found(0, "it is a selection and has no entries: that proves nothing, not even that no entry belongs to it")
            return
        if self._position != self._checkpoint.size:
            raise _Found(self._position + 1, f"the file ends after entry {self._position}, and {self._checkpoint.size} were signed")
        self._compare(self._checkpoint)
        self._accounted()

    def _accounted(self) -> None:
        """Everything that a whole ledger lacks, a record in it must tell of."""
        records = self._records
        told, known = self._sealed_through, records.sealed_through
        if told != known:
            detail = f"it says that entries up to {told} were sealed, and the ledger's own records say {known}"
            raise _Found(min(told, known) + 1, detail)
        if records.unexplained:
            detail = "the content is missing, and no entry records that it was erased"
            raise _Found(records.unexplained[0], detail, reason=CONTENT_MISMATCH)

    def _begin(self, header: Mapping[str, Any]) -> None:
        self._checkpoint = self._opened(header.get("checkpoint", ""))
        self._complete = bool(header.get("complete"))
        self._sealed_through = max(_number(header, "sealed_through", "sealedThrough"), 0)

    def _intermediate(self, note: str) -> None:
        signed = self._opened(note)
        if self._checkpoint is None or signed.origin != self._checkpoint.origin or signed.size != self._position:
            raise _Found(self._position, f"a checkpoint of size {signed.size} of {signed.origin} stands after entry {self._position}")
        self._compare(signed)
        self._signed = signed.size

    def _compare(self, signed: Checkpoint) -> None:
        self._peaks, self._leaves = self._peaks.grown(self._leaves), []
        root = self._peaks.root
        if root != signed.root:
            detail = f"the root over {signed.size} entries is {root.hex()}, and {signed.root.hex()} was signed"
            raise _Found(self._signed + 1, detail, signed.size)

    def _opened(self, note: str) -> Checkpoint:
        try:
            return Checkpoint.from_text(opened(note, self._known))
        except NoteRefused as error:
            raise _Found(0, f"the checkpoint {error}") from None

    def _tile(self, tile: Mapping[str, Any]) -> None:
        """Proves the hashes of the leaves that follow."""
        assert self._checkpoint is not None
        first, size = _number(tile, "first_sequence", "firstSequence"), self._checkpoint.size
        hashes = _hashes([_bytes(tile.get("hashes", ""), self._last + 1)])
        node = (first - 1, first - 1 + len(hashes))
        if first != self._position + 1 or not hashes or node[1] > size:
            raise _Found(self._position + 1, f"hashes of entries {first} to {node[1]} stand after entry {self._position}")
        root = root_from_node(node, size, Peaks().grown(hashes).root, [_bytes(each, first) for each in tile.get("path", ())])
        if root != self._checkpoint.root:
            raise _Found(first, "these entries are not proved: the path of their hashes does not lead to the root that was signed", node[1])
        self._proved = first, hashes
        if node[1] <= self._sealed_through:  # of these the hashes are all there is
            self._leaves.extend(hashes)
            self._position = node[1]

    def _entry(self, entry: Mapping[str, Any]) -> None:
        leaf = str(entry.get("leaf", ""))
        line = _leaf(leaf, self._last + 1)
        sequence = int(line["sequence"])
        found = leaf_hash(leaf.encode())
        if self._complete:
            self._in_order(sequence, found)
        else:
            self._on_its_path(sequence, found, entry)
        self._content(sequence, line, entry.get("content"))
        self._records.take(line)
        self._count += 1
        self._last = sequence
        if self._count % _TELL_EVERY == 0 and self._checkpoint is not None:
            self._tell(self._count, self._checkpoint.size)

    def _in_order(self, sequence: int, found: Hash) -> None:
        expected = self._position + 1
        if sequence != expected:
            raise _Found(expected, f"entry {sequence} stands where {expected} should")
        first, hashes = self._proved
        if not first <= sequence < first + len(hashes):
            raise _Found(sequence, "no hash of this entry was proved before it")
        if hashes[sequence - first] != found:
            raise _Found(sequence, f"the leaf's hash is {found.hex()}, and {hashes[sequence - first].hex()} was signed")
        self._leaves.append(found)
        self._position = sequence

    def _on_its_path(self, sequence: int, found: Hash, entry: Mapping[str, Any]) -> None:
        assert self._checkpoint is not None
        if sequence <= self._last:
            raise _Found(sequence, f"entry {sequence} stands after entry {self._last}")
        path = [_bytes(each, sequence) for each in entry.get("path", ())]
        if root_from_inclusion(sequence - 1, self._checkpoint.size, found, path) != self._checkpoint.root:
            raise _Found(sequence, "the entry is not proved: its path does not lead to the root that was signed")

    def _content(self, sequence: int, line: Mapping[str, Any], content: Mapping[str, Any] | None) -> None:
        if content is None:
            self._records.bare.add(sequence)
            return
        salt, payload = _bytes(content.get("salt", ""), sequence), _bytes(content.get("payload", ""), sequence)
        texts = [str(content.get(name, "")).encode() for name in ("principal", "reason")]
        digest = hashlib.sha256(b"".join((salt, *(len(each).to_bytes(4, "big") + each for each in texts), payload))).hexdigest()
        if digest != line["content_sha256"]:
            detail = f"the content's digest is {digest}, and the leaf says {line['content_sha256']}"
            raise _Found(sequence, detail, reason=CONTENT_MISMATCH)


def _part(line: str | bytes, number: int) -> Mapping[str, Any]:
    try:
        return part_from_line(line)
    except LineRefused as error:
        raise _Found(0, f"line {number} {error}") from None


def _leaf(leaf: str, expected: int) -> Mapping[str, Any]:
    try:
        line = json.loads(leaf)
        if line["format"] == LEAF_FORMAT and isinstance(line["sequence"], int) and isinstance(line["content_sha256"], str):
            return dict(line)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise _Found(expected, f"what stands in the place of entry {expected} is no leaf of a ledger")


def _number(part: Mapping[str, Any], *names: str) -> int:
    """Reads a 64-bit integer, which protobuf's JSON writes as text, under either spelling of its name."""
    found = next((part[name] for name in names if name in part), 0)
    return int(found) if str(found).isdecimal() else -1


def _hashes(parts: Sequence[bytes]) -> list[Hash]:
    return [part[at : at + HASH_BYTES] for part in parts for at in range(0, len(part), HASH_BYTES)]


def _bytes(text: str, sequence: int) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise _Found(sequence, "has bytes that are not base64") from None
