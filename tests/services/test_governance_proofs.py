"""Checkpoints, proofs and exports of a running governance, checked as a stranger would: with the public key alone."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ballast.governance.v1 import ledger_service_pb2 as pb
from ballast.intake.v1.intake_events_pb2 import IncidentOpened
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.json_format import MessageToDict

from clients.cli.ledger_file import FileVerdict, verify_file
from services.governance.settings import GovernanceSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound
from shared.transparency.checkpoint import Checkpoint
from shared.transparency.merkle import is_consistent, leaf_hash, root_from_inclusion
from shared.transparency.note import Signer, Verifier, opened, verifiers_by_id
from tests.support.governance import Governance, event, governing

COUNT = 600  # more than two tiles
ORIGIN = "example.org/ballast"


@pytest.fixture(scope="module")
async def governance(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Governance]:
    async with governing(urls, engines, clock, origin=ORIGIN) as running:
        await running.deliver(*(event(IncidentOpened(), f"incidents/{number % 7}") for number in range(COUNT // 2)))
        await running.ledger.GetCheckpoint(pb.GetCheckpointRequest())
        await running.deliver(*(event(IncidentOpened(), f"incidents/{number % 7}") for number in range(COUNT // 2)))
        yield running


async def signed(governance: Governance, size: int = 0) -> tuple[Checkpoint, Verifier]:
    answer = await governance.ledger.GetCheckpoint(pb.GetCheckpointRequest(size=size))
    verifier = Verifier.from_text(answer.verifier_key)
    checkpoint = Checkpoint.from_text(opened(answer.checkpoint, verifiers_by_id([verifier])))
    assert (checkpoint.size, checkpoint.root) == (answer.size, answer.root_hash)
    return checkpoint, verifier


async def export(governance: Governance, **fields: object) -> list[str]:
    request = pb.ExportEntriesRequest(**fields)  # type: ignore[arg-type]  # as the test names them
    return [json.dumps(MessageToDict(part)) async for part in governance.ledger.ExportEntries(request)]


async def verified(governance: Governance, lines: list[str]) -> FileVerdict:
    _, verifier = await signed(governance)
    verdict = verify_file(lines, [verifier])
    assert verdict.fault is None
    return verdict


async def test_a_checkpoint_is_signed_by_the_key_it_names(governance: Governance) -> None:
    checkpoint, verifier = await signed(governance)
    assert (checkpoint.origin, checkpoint.size, verifier.name) == (ORIGIN, COUNT, ORIGIN)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 600])
async def test_every_entry_is_proved_in_a_tree_that_was_signed(governance: Governance, size: int) -> None:
    checkpoint, _ = await signed(governance, size)
    for sequence in {1, 2, 128, 256, 257, 300, size - 1, size}:
        if not 1 <= sequence <= size:
            continue
        answer = await governance.ledger.GetInclusionProof(pb.GetInclusionProofRequest(sequence=sequence, tree_size=size))
        request = pb.ListEntriesRequest(after_sequence=sequence - 1, page_size=1)
        (entry,) = (await governance.ledger.ListEntries(request)).entries
        assert answer.leaf_hash == leaf_hash(entry.leaf.encode())
        assert root_from_inclusion(answer.leaf_index, answer.tree_size, answer.leaf_hash, list(answer.path)) == checkpoint.root


async def test_a_proof_in_a_tree_that_grew_since_the_last_one_holds_too(
    own_urls: dict[str, str], engines: Engines, clock: SimulatedClock
) -> None:
    async with governing(own_urls, engines, clock, origin=ORIGIN) as running:
        for size in range(250, 264, 2):  # from one tile that is not full into the next
            await running.deliver(*(event(IncidentOpened(), "incidents/1") for _ in range(250 if size == 250 else 2)))
            checkpoint, _ = await signed(running)
            request = pb.GetInclusionProofRequest(sequence=1 if size % 4 else size, tree_size=size)
            answer = await running.ledger.GetInclusionProof(request)
            assert root_from_inclusion(answer.leaf_index, size, answer.leaf_hash, list(answer.path)) == checkpoint.root


async def test_a_proof_comes_as_text_too(governance: Governance) -> None:
    answer = await governance.ledger.GetInclusionProof(pb.GetInclusionProofRequest(sequence=42))
    kind, index, *rest = answer.proof.split("\n")
    assert (kind, index) == ("c2sp.org/tlog-proof@v1", "index 41")
    hashes, note = rest[: rest.index("")], "\n".join(rest[rest.index("") + 1 :])
    assert [base64.b64decode(each) for each in hashes] == list(answer.path)
    _, verifier = await signed(governance)
    assert Checkpoint.from_text(opened(note, verifiers_by_id([verifier]))).size == COUNT


@pytest.mark.parametrize(("first", "second"), [(1, 600), (255, 256), (256, 600), (300, 511), (600, 600)])
async def test_any_two_sizes_are_proved_consistent(governance: Governance, first: int, second: int) -> None:
    (old, _), (new, _) = await signed(governance, first), await signed(governance, second)
    answer = await governance.ledger.GetConsistencyProof(pb.GetConsistencyProofRequest(first_size=first, second_size=second))
    assert (answer.first_root_hash, answer.second_root_hash) == (old.root, new.root)
    assert is_consistent(first, second, (old.root, new.root), list(answer.path))


async def test_a_checkpoint_kept_from_earlier_is_compared_with_the_ledger_of_now(governance: Governance) -> None:
    kept = await governance.ledger.GetCheckpoint(pb.GetCheckpointRequest(size=300))
    answer = await governance.ledger.GetConsistencyProof(pb.GetConsistencyProofRequest(checkpoint=kept.checkpoint))
    assert (answer.first_size, answer.second_size, answer.first_root_hash) == (300, COUNT, kept.root_hash)


async def test_an_export_of_all_is_proved_as_a_whole_with_what_was_signed_on_the_way(governance: Governance) -> None:
    lines = await export(governance)
    verdict = await verified(governance, lines)
    assert (verdict.entry_count, verdict.is_complete) == (COUNT, True)
    assert sum("checkpoint" in json.loads(line) for line in lines) >= 2


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"filter": {"subject": "incidents/3"}}, 86),
        ({"filter": {"subject": "incidents/3"}, "more_filters": [{"subject": "incidents/4"}]}, 172),
        ({"first_sequence": 250, "last_sequence": 260}, 11),
        ({"first_sequence": 600}, 1),
    ],
)
async def test_a_selection_is_proved_entry_by_entry(governance: Governance, fields: dict[str, object], count: int) -> None:
    verdict = await verified(governance, await export(governance, **fields))
    assert (verdict.entry_count, verdict.is_complete) == (count, False)


@pytest.mark.parametrize(
    ("call", "request_", "field"),
    [
        ("GetCheckpoint", pb.GetCheckpointRequest(size=COUNT + 1), "size"),
        ("GetInclusionProof", pb.GetInclusionProofRequest(sequence=1, tree_size=COUNT + 1), "tree_size"),
        ("GetConsistencyProof", pb.GetConsistencyProofRequest(first_size=1, second_size=COUNT + 1), "second_size"),
        ("GetConsistencyProof", pb.GetConsistencyProofRequest(first_size=5, second_size=4), "first_size"),
        ("GetConsistencyProof", pb.GetConsistencyProofRequest(second_size=4), "first_size"),
    ],
)
async def test_a_proof_beyond_the_tree_is_refused_by_field(governance: Governance, call: str, request_: object, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await getattr(governance.ledger, call)(request_)
    assert refused.value.reason == "TREE_TOO_SMALL"
    assert refused.value.violations[0].field == field


async def test_an_entry_beyond_the_ledger_is_not_found(governance: Governance) -> None:
    with pytest.raises(NotFound) as refused:
        await governance.ledger.GetInclusionProof(pb.GetInclusionProofRequest(sequence=COUNT + 1))
    assert refused.value.reason == "ENTRY_NOT_FOUND"


async def test_an_export_beyond_the_ledger_is_refused(governance: Governance) -> None:
    with pytest.raises(InvalidInput) as refused:
        await export(governance, last_sequence=COUNT + 1)
    assert refused.value.reason == "TREE_TOO_SMALL"


async def test_a_checkpoint_of_another_log_is_refused(governance: Governance) -> None:
    other = Signer(ORIGIN, Ed25519PrivateKey.generate()).sign(str(Checkpoint(ORIGIN, 5, bytes(32))))
    for note in (other, "no note", "text\n\n\u2014 a b\n"):
        with pytest.raises(InvalidInput) as refused:
            await governance.ledger.GetConsistencyProof(pb.GetConsistencyProofRequest(checkpoint=note))
        assert refused.value.reason == "CHECKPOINT_FOREIGN"


async def test_a_checkpoint_that_says_another_size_than_was_asked_for_is_refused(governance: Governance) -> None:
    kept = await governance.ledger.GetCheckpoint(pb.GetCheckpointRequest(size=300))
    with pytest.raises(InvalidInput) as refused:
        await governance.ledger.GetConsistencyProof(pb.GetConsistencyProofRequest(checkpoint=kept.checkpoint, first_size=299))
    assert refused.value.reason == "CHECKPOINT_FOREIGN"


async def test_the_ledger_is_signed_every_minute_that_it_grew(governance: Governance) -> None:
    await governance.deliver(event(IncidentOpened(), "incidents/minute"))
    await governance.served.app.tick()
    lines = await export(governance)
    *_, checkpoint, _footer = [json.loads(line) for line in lines]
    assert "checkpoint" in checkpoint


async def test_another_key_signs_on_and_both_are_told(
    urls: dict[str, str], engines: Engines, clock: SimulatedClock, governance: Governance, tmp_path: Path
) -> None:
    _, first = await signed(governance)
    async with governing(urls, engines, clock, origin=ORIGIN, state_dir=tmp_path) as second:
        _, other = await signed(second)
        assert other != first
        lines = await export(second)
        assert set(json.loads(lines[0])["header"]["verifierKeys"]) == {str(first), str(other)}
        assert verify_file(lines, [first, other]).fault is None


async def test_the_key_that_was_made_is_used_again_and_readable_by_nobody_else(
    urls: dict[str, str], engines: Engines, clock: SimulatedClock, tmp_path: Path
) -> None:
    found = []
    for _ in range(2):
        async with governing(urls, engines, clock, state_dir=tmp_path) as running:
            found.append((await running.ledger.GetCheckpoint(pb.GetCheckpointRequest())).verifier_key)
    assert found[0] == found[1]
    assert (tmp_path / "ledger-key.pem").stat().st_mode & 0o777 == 0o600


def test_a_name_that_no_key_may_have_is_refused_by_the_settings() -> None:
    with pytest.raises(ValueError, match="origin"):
        GovernanceSettings(origin="two words")
