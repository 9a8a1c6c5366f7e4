"""The templates that are shipped, their golden cases, and what each renders to."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.playbook.domain.case import Case
from services.playbook.domain.playbook import Order, render
from services.playbook.domain.rendering import CompiledTemplate
from services.playbook.domain.template import Target
from services.playbook.storage.template_folder import load_templates, read_cases

ROOT = Path(__file__).parents[2]
GALLERY = ROOT / "docs" / "playbooks" / "gallery"
FIRST = "checkout"  # the case that every template has, shown in the gallery


@dataclass(frozen=True, slots=True)
class Shown:
    """One rendered bundle, by where it came from."""

    template: str
    case: str
    target: Target
    files: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.template}/{self.case}/{self.target.value}"


@cache
def templates() -> dict[str, tuple[CompiledTemplate, dict[str, Case]]]:
    return {each.template.manifest.id: (each, read_cases(Path(each.template.folder))) for each in load_templates().values()}


@cache
def shown(template: str, case: str, target: Target) -> Shown:
    compiled, cases = templates()[template]
    of = cases[case]
    rendering = render(compiled, of.facts, of.inputs, of.facts.newest_decision, Order(target))
    return Shown(template, case, target, {file.path: file.content for file in rendering.files})


def keys() -> Iterator[tuple[str, str, Target]]:
    for template, (compiled, cases) in templates().items():
        yield from ((template, case, target) for case in cases for target in compiled.template.manifest.targets)


def gallery() -> dict[str, str]:
    """Returns the pages of the gallery by path: the first case of each template, at each target."""
    pages = {}
    for template, case, target in keys():
        if case == FIRST:
            for path, text in shown(template, case, target).files.items():
                # Not under its own name: a folder .claude would be read by agents that work on this repository, and so would CLAUDE.md.
                pages[f"{template}/{target.value}/{shelved(path)}"] = text
    return pages


def shelved(path: str) -> str:
    parts = path.replace(".claude", "dot-claude").split("/")
    return "/".join(f"{part}.txt" if part in ("CLAUDE.md", "AGENTS.md", "SKILL.md", "REVIEW.md") else part for part in parts)
