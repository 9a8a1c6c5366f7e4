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

    def of(self, source: str) -> Iterator[tuple[str, int]]:
        """Yields name and line of what a source includes."""
        for node in self._trees[source].find_all(nodes.Include):
            assert isinstance(node.template, nodes.Const)
            yield str(node.template.value), node.lineno

    def check(self) -> None:
        """Raises TemplateInvalid for the first include that is not fit."""
        for source in sorted(self._trees):
            for name, line in self.of(source):
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

    def _descend(self, chain: tuple[str, ...]) -> None:
        for name, line in self.of(chain[-1]):
            if name in chain:
                message = f"includes {name}, which includes this file again"
                raise TemplateInvalid(self._template.file(chain[-1]), line, message, "INCLUDE_CYCLE")
            if len(chain) > MOST_DEPTH:
                message = f"is the end of a chain of more than {MOST_DEPTH} includes: " + " > ".join((*chain, name))
                raise TemplateInvalid(self._template.file(chain[-1]), line, message, "INCLUDE_TOO_DEEP")
            self._descend((*chain, name))

    def reached_from(self, sources: set[str]) -> set[str]:
        """Returns these sources and all they include, directly or through others."""
        reached: set[str] = set()
        left = list(sources)
        while left:
            source = left.pop()
            if source not in reached and source in self._trees:
                reached.add(source)
                left.extend(name for name, _ in self.of(source))
        return reached
