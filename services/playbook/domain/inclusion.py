"""Which source includes which: all within the folder or among the partials it declares, no cycle, not too deep."""

from collections.abc import Iterator, Mapping

from jinja2 import nodes

from services.playbook.domain.errors import TemplateInvalid
from services.playbook.domain.manifest import PARTIALS
from services.playbook.domain.template import Template

MOST_DEPTH = 6


class Inclusions:
    """The includes of one template's sources."""

    def __init__(self, template: Template, trees: Mapping[str, nodes.Template]) -> None:
        self._template = template
        self._trees = trees
        self._included = {source: dict(_includes(tree)) for source, tree in trees.items()}
        self._depths: dict[str, int] = {}

    def of(self, source: str) -> dict[str, int]:
        """Returns the line of each name that a source includes, one where it does so more than once."""
        return self._included[source]

    def check(self) -> None:
        """Raises TemplateInvalid for the first include that is not fit."""
        for source in sorted(self._trees):
            for name, line in self.of(source).items():
                self._check(source, name, line)
        for source in sorted(self._trees):
            self._descend((source,))

    def _check(self, source: str, name: str, line: int) -> None:
        if name in self._trees:
            return
        if "/" in name and not (name.startswith(f"{PARTIALS}/") and name.count("/") == 1 and ".." not in name):
            message = f"includes {name}, which is outside of the folder; a template includes its own files and {PARTIALS}/<name>.j2"
            raise TemplateInvalid(self._template.file(source), line, message, "INCLUDE_OUTSIDE")
        message = f"includes {name}, which is not in the folder"
        if name.startswith(f"{PARTIALS}/"):
            message = f"includes {name}, which the manifest does not name under partials"
        raise TemplateInvalid(self._template.file(source), line, message, "INCLUDE_MISSING")

    def _descend(self, chain: tuple[str, ...]) -> int:
        """Returns how many includes the last of a chain stands above; each source is gone through once, however many include it."""
        source = chain[-1]
        if source not in self._depths:
            self._depths[source] = max((1 + self._step(chain, name, line) for name, line in self.of(source).items()), default=0)
        return self._depths[source]

    def _step(self, chain: tuple[str, ...], name: str, line: int) -> int:
        source = chain[-1]
        if name in chain:
            raise TemplateInvalid(self._template.file(source), line, f"includes {name}, which includes this file again", "INCLUDE_CYCLE")
        below = self._descend((*chain, name)) if len(chain) <= MOST_DEPTH else 0
        if len(chain) + below > MOST_DEPTH:
            message = f"includes {name} at the end of a chain of more than {MOST_DEPTH} includes"
            raise TemplateInvalid(self._template.file(source), line, message, "INCLUDE_TOO_DEEP")
        return below

    def reached_from(self, sources: set[str]) -> set[str]:
        """Returns these sources and all they include, directly or through others."""
        reached: set[str] = set()
        left = list(sources)
        while left:
            source = left.pop()
            if source not in reached and source in self._trees:
                reached.add(source)
                left.extend(self.of(source))
        return reached


def _includes(tree: nodes.Template) -> Iterator[tuple[str, int]]:
    for node in tree.find_all(nodes.Include):
        assert isinstance(node.template, nodes.Const)
        yield str(node.template.value), node.lineno
