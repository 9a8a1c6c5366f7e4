"""Signed notes and checkpoints, against the notes of Go's reference implementation and of the specification's readers."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.transparency.checkpoint import Checkpoint
from shared.transparency.merkle import EMPTY_ROOT
from shared.transparency.note import NoteRefused, Signer, Verifier, opened, verifiers_by_id

# golang.org/x/mod/sumdb/note, in its documentation.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NEUMANN_NOTE = (
    f"{NEUMANN_TEXT}\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# The public key and note with which yaglo/signed_note shows itself.
FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOO_NOTE = (
    "This is an example message.\n\n\u2014 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
SIGNER = Signer("example.org/log", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
CHECKPOINT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"  # c2sp.org/tlog-checkpoint


def known(*keys: str) -> dict[tuple[str, bytes], Verifier]:
    return verifiers_by_id([Verifier.from_text(each) for each in keys])


def test_the_published_notes_open_with_their_keys() -> None:
    assert opened(NEUMANN_NOTE, known(NEUMANN)) == NEUMANN_TEXT
    assert opened(FOO_NOTE, known(FOO, NEUMANN)) == "This is an example message.\n"
    assert str(Verifier.from_text(FOO)) == FOO


def test_a_note_signed_here_opens_with_the_public_key_as_text() -> None:
    note = SIGNER.sign("a\n\nb\n")
    assert opened(note, known(str(SIGNER.verifier))) == "a\n\nb\n"


def test_an_altered_text_does_not_open() -> None:
    with pytest.raises(NoteRefused, match="does not fit"):
        opened(NEUMANN_NOTE.replace("answer", "anwser"), known(NEUMANN))


def test_a_note_of_others_alone_does_not_open_and_one_signed_by_others_too_does() -> None:
    with pytest.raises(NoteRefused, match="none of them known"):
        opened(NEUMANN_NOTE, known(FOO))
    both = NEUMANN_NOTE + SIGNER.sign(NEUMANN_TEXT).rpartition("\n\n")[2]
    assert opened(both, known(NEUMANN)) == opened(both, known(str(SIGNER.verifier))) == NEUMANN_TEXT


def test_one_bad_signature_of_a_known_key_spoils_the_note() -> None:
    forged = NEUMANN_NOTE + SIGNER.sign("something else\n").rpartition("\n\n")[2]
    with pytest.raises(NoteRefused, match=r"example.org/log does not fit"):
        opened(forged, known(NEUMANN, str(SIGNER.verifier)))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no note"),
        ("text\n", "no note"),
        ("text\n\n", "no note"),
        ("text\n\n- name AAAAAAA=\n", "no signature"),
        ("text\n\n\u2014 name !\n", "not base64"),
        ("text\n\n\u2014 name AAAA\n", "no signature"),
        ("text\t\n\n\u2014 name AAAAAAA=\n", "no note"),
        ("text\n\n\u2014 a+b AAAAAAA=\n", "cannot name a key"),
        ("text\n\n" + "\u2014 name AAAAAAA=\n" * 101, "no note"),
    ],
)
def test_what_is_no_note_says_why(text: str, why: str) -> None:
    with pytest.raises(NoteRefused, match=why):
        opened(text, known(FOO))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not one of Ed25519"),
        ("name+00000000+AA==", "not one of Ed25519"),
        (FOO.replace("530d903a", "530d903b"), "id is 530d903a"),
        (FOO.replace("example.com/foo", "ex ample"), "cannot name a key"),
        (FOO.replace("AekyeRrm", "Aekye!rm"), "not base64"),
    ],
)
def test_what_is_no_public_key_says_why(text: str, why: str) -> None:
    with pytest.raises(NoteRefused, match=why):
        Verifier.from_text(text)


def test_a_checkpoint_reads_as_it_was_written() -> None:
    read = Checkpoint.from_text(CHECKPOINT)
    assert (read.origin, read.size, str(read)) == ("example.com/behind-the-sofa", 20852163, CHECKPOINT)
    assert Checkpoint.from_text(f"{CHECKPOINT}extension\n") == read
    empty = Checkpoint("example.org/log", 0, EMPTY_ROOT)
    assert Checkpoint.from_text(str(empty)) == empty


@pytest.mark.parametrize(
    "text",
    [
        "origin\n1\n",
        "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "origin\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "origin\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "origin\n1\nCsUY\n",
        "origin\n1\n!\n",
        "origin\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused, match="is no checkpoint"):
        Checkpoint.from_text(text)
