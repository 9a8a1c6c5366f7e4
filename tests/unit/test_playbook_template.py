"""Template folders: what is wrong with one is told with file and line, before anything is served."""

import shutil
from pathlib import Path

import pytest

from services.playbook.domain.errors import TemplateInvalid
from services.playbook.domain.template import content_hash_of
from services.playbook.storage.template_folder import SHIPPED, load_templates

MANIFEST = """\
id: small
version: 1.0.0
description: Small.
owner: teams/a
review_by: 2027-01-31
inputs:
  - name: note
    type: text
    description: A note.
    required: false
files:
  - source: body.j2
    path: NOTES.md
"""


def folder(root: Path, manifest: str = MANIFEST, **sources: str) -> Path:
    """Writes the template `small` below `root`; `body` is its source `body.j2`."""
    small = root / "small"
    small.mkdir()
    (small / "template.yaml").write_text(manifest)
    for name, text in {"body": "[[= incident.name =]]\n", **sources}.items():
        (small / f"{name}.j2").write_text(text)
    return root


def test_a_folder_becomes_a_template_by_its_resource_name(tmp_path: Path) -> None:
    loaded = load_templates(folder(tmp_path))["templates/small"].template
    assert (loaded.manifest.version, [file.path for file in loaded.manifest.files]) == ("1.0.0", ["NOTES.md"])


@pytest.mark.parametrize(
    ("wrong", "right", "line", "says"),
    [
        ("version: 1.0", "version: 1.0.0", 2, "semantic version"),
        ("id: Small", "id: small", 1, "lower-case letters"),
        ("id: other", "id: small", 1, "must be the folder's name"),
        ("review_by: soon", "review_by: 2027-01-31", 5, "must be a date"),
        ("type: blob", "type: text", 8, "must be one of string, text, number, list, choice, object"),
        ("required: maybe", "required: false", 10, "must be true or false"),
        ("owner: teams/a\nowner: teams/b", "owner: teams/a", 5, "stands here twice"),
        ("owner: teams/a\ncolour: red", "owner: teams/a", 5, "'colour' is unknown"),
        ("", "description: Small.\n", 1, "lacks description"),
        ("path: ../NOTES.md", "path: NOTES.md", 13, "must be relative"),
        ("path: /etc/passwd", "path: NOTES.md", 13, "must be relative"),
        ("source: gone.j2", "source: body.j2", 12, "is not in the folder"),
        ("inputs: [", "inputs:", 7, "is not YAML"),
    ],
)
def test_a_fault_of_the_manifest_is_told_with_its_line(tmp_path: Path, wrong: str, right: str, line: int, says: str) -> None:
    with pytest.raises(TemplateInvalid, match=says) as refused:
        load_templates(folder(tmp_path, MANIFEST.replace(right, wrong, 1)))
    assert (Path(refused.value.file).name, refused.value.line) == ("template.yaml", line)
    assert str(refused.value).startswith(f"{tmp_path}/small/template.yaml:{line}: ")


@pytest.mark.parametrize(
    ("body", "line", "says"),
    [
        ("one\n[[% if incident.name %]]\n", 2, "end of template"),
        ("[[= incident.name | default('x') =]]", 1, "default"),
        ("one\ntwo\n[[= severity =]]\n", 3, "severity is not a value a template can use"),
        ("one\n[[= inputs.colour =]]\n", 2, "inputs.colour is not declared"),
        ("one\n[[= incident.colour =]]\n", 2, "incident.colour is not a value a template can use; incident has acknowledged_at, "),
        ("one\ntwo\n[[= practice.colour =]]\n", 3, "practice.colour is not a value a template can use"),
        ('one\n[[% include "gone.j2" %]]\n', 2, "includes gone.j2"),
    ],
)
def test_a_fault_of_a_source_is_told_with_its_line(tmp_path: Path, body: str, line: int, says: str) -> None:
    with pytest.raises(TemplateInvalid, match=says) as refused:
        load_templates(folder(tmp_path, body=body))
    assert (Path(refused.value.file).name, refused.value.line) == ("body.j2", line)


def test_a_source_that_is_not_text_is_told_with_its_line(tmp_path: Path) -> None:
    (folder(tmp_path) / "small" / "body.j2").write_bytes(b"one\ntwo \xff\n")
    with pytest.raises(TemplateInvalid, match=r"body\.j2:2: is not UTF-8"):
        load_templates(tmp_path)


def test_any_change_of_a_folder_changes_its_content_hash(tmp_path: Path) -> None:
    for each in ("_partials", "incident-response"):
        shutil.copytree(SHIPPED / each, tmp_path / each)
    name = "templates/incident-response"
    before = load_templates(tmp_path)[name].template
    assert before.content_hash == load_templates()[name].template.content_hash
    for source in before.sources:
        changed = {**before.sources, source: before.sources[source] + " "}
        assert content_hash_of(changed) != before.content_hash
    assert content_hash_of({"a": "bc"}) != content_hash_of({"ab": "c"})
