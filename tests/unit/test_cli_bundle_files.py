"""Writing bundles: nothing leaves the directory, nothing that differs is lost, nothing is half done."""

import hashlib
from pathlib import Path

import pytest
from ballast.playbook.v1.bundle_pb2 import BundleFile

from clients.cli.bundle_files import BundleUnsafe, FilesDiffer, Outcome, write_files
from clients.cli.bundles import cell_of_file
from shared.errors import InvalidInput
from tests.support.terminal import seen


def file(path: str, content: bytes = b"text\n") -> BundleFile:
    return BundleFile(path=path, content=content, content_hash=hashlib.sha256(content).hexdigest())


def everything_below(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}


def test_files_are_written_with_their_directories(tmp_path: Path) -> None:
    written = write_files([file("CLAUDE.md", b"a"), file(".claude/skills/x/SKILL.md", b"b")], tmp_path / "new", force=False)
    assert [each.outcome for each in written] == [Outcome.WRITTEN, Outcome.WRITTEN]
    assert (tmp_path / "new/.claude/skills/x/SKILL.md").read_bytes() == b"b"
    assert everything_below(tmp_path / "new") == {"CLAUDE.md", ".claude/skills/x/SKILL.md"}


def test_the_same_bundle_twice_changes_nothing(tmp_path: Path) -> None:
    write_files([file("a")], tmp_path, force=False)
    before = (tmp_path / "a").stat().st_mtime_ns
    assert [each.outcome for each in write_files([file("a")], tmp_path, force=False)] == [Outcome.UNCHANGED]
    assert (tmp_path / "a").stat().st_mtime_ns == before


def test_a_file_that_differs_is_kept_and_then_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("mine")
    with pytest.raises(FilesDiffer, match="b differs; --force"):
        write_files([file("a"), file("b")], tmp_path, force=False)
    assert everything_below(tmp_path) == {"b"}
    assert (tmp_path / "b").read_text() == "mine"


def test_force_replaces_a_file_that_differs(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("mine")
    assert [each.outcome for each in write_files([file("b")], tmp_path, force=True)] == [Outcome.REPLACED]
    assert (tmp_path / "b").read_text() == "text\n"


@pytest.mark.parametrize(
    "path", ["", "/etc/x", "../x", "a/../../x", "a/./b", "a//b", "a/", "..", ".", "a\\..\\x", "C:x", "a\x00b", "a\nb", "\u202eb"]
)
@pytest.mark.parametrize("force", [False, True])
def test_a_path_that_is_not_plainly_inside_is_refused_before_anything_is_written(tmp_path: Path, path: str, force: bool) -> None:
    with pytest.raises(BundleUnsafe):
        write_files([file("good"), file(path)], tmp_path / "in", force=force)
    assert everything_below(tmp_path) == set()


def test_a_directory_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/sub").symlink_to(tmp_path / "out")
    with pytest.raises(FilesDiffer, match="is a link"):
        write_files([file("a"), file("sub/x")], tmp_path / "in", force=True)
    assert everything_below(tmp_path / "out") == set()
    assert not (tmp_path / "in/a").exists()


def test_a_link_in_place_of_a_file_is_replaced_and_its_target_kept(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").symlink_to(tmp_path / "precious")
    with pytest.raises(FilesDiffer):
        write_files([file("a")], tmp_path / "in", force=False)
    write_files([file("a")], tmp_path / "in", force=True)
    assert (tmp_path / "precious").read_text() == "kept"
    assert not (tmp_path / "in/a").is_symlink()


def test_the_directory_given_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_files([file("a")], tmp_path / "link", force=False)
    assert everything_below(tmp_path / "real") == {"a"}


def test_what_is_no_plain_file_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(FilesDiffer, match="not a plain file"):
        write_files([file("a")], tmp_path, force=True)
    (tmp_path / "b").write_text("")
    with pytest.raises(FilesDiffer, match="needs a directory"):
        write_files([file("b/c")], tmp_path, force=True)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InvalidInput, match=r"taken.* cannot be written"):
        write_files([file("a")], tmp_path / "taken", force=True)
    assert (tmp_path / "taken").read_text() == "a file"


def test_bytes_that_do_not_fit_their_hash_are_refused(tmp_path: Path) -> None:
    altered = file("a")
    altered.content = b"altered"
    with pytest.raises(BundleUnsafe) as refused:
        write_files([altered], tmp_path, force=False)
    assert "SHA-256" in refused.value.violations[0].description


@pytest.mark.parametrize("paths", [("a", "a"), ("a", "a/b")])
def test_paths_that_cannot_stand_side_by_side_are_refused(tmp_path: Path, paths: tuple[str, str]) -> None:
    with pytest.raises(BundleUnsafe):
        write_files([file(each) for each in paths], tmp_path, force=False)
    assert everything_below(tmp_path) == set()


def test_a_file_on_the_screen_keeps_its_lines_and_loses_its_control_characters() -> None:
    assert seen(cell_of_file(file("a", b"# [red]T[/]\n\n\tx\x1b[2J\xff\n"))).splitlines() == ["# [red]T[/]", "", "        x\\x1b[2J\\xff"]
