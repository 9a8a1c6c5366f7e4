"""Compiles a template once, and renders its files from records: the same version and the same values give the same bytes."""

import re
from collections.abc import Mapping

from jinja2 import TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError, TemplateAssertionError, TemplateNotFound, TemplateRuntimeError

from services.playbook.domain.environment import BUDGET, LARGEST_FILE, Budget, LimitExceeded, TemplateEnvironment
from services.playbook.domain.errors import InputUndefined, RenderRefused, TemplateInvalid
from services.playbook.domain.manifest import MANIFEST
from services.playbook.domain.specimen import known_fields
from services.playbook.domain.template import Template
from services.playbook.domain.value import MissingValue, TextOutsideBlock

VARIABLES = ("assessment", "decisions", "incident", "inputs", "practice")


class CompiledTemplate:
    """A template that was found fit to render: every source parses, and uses only declared values."""

    def __init__(self, template: Template) -> None:
        """Raises TemplateInvalid, naming file and line, for the first source that is not fit."""
        self.template = template
        self._environment = TemplateEnvironment({name: text for name, text in template.sources.items() if name != MANIFEST})
        for source in sorted(self._environment.list_templates()):
            self._check(source)
        for file in template.manifest.files:
            if file.source not in template.sources:
                line = _line_of(template.sources[MANIFEST], file.source)
                raise TemplateInvalid(template.file(MANIFEST), line, f"source {file.source} is not in the folder; add it or leave it out")

    def render(self, values: dict[str, object]) -> dict[str, str]:
        """Returns the text of each file by bundle path.

        Raises InputUndefined for a value that is not there, RenderRefused for text outside a data block and for work beyond the limits.
        """
        return {file.path: self._render(file.source, file.path, values) for file in self.template.manifest.files}

    def _render(self, source: str, path: str, values: dict[str, object]) -> str:
        try:
            return self._written(source, values)
        except MissingValue as error:
            raise InputUndefined(error.message or "value", self.template.name) from None
        except TextOutsideBlock:
            raise RenderRefused(
                "TEXT_OUTSIDE_BLOCK", path, "a value that is not validated stands outside a data block; use data()"
            ) from None
        except (LimitExceeded, RecursionError):
            raise RenderRefused(
                "RENDER_LIMIT", path, "takes too many steps, does arithmetic or writes too much; simplify the template"
            ) from None
        except (SecurityError, TemplateRuntimeError, TemplateNotFound, TypeError) as error:
            raise RenderRefused("RENDER_FAILED", path, f"{source} fails: {error}") from None

    def _written(self, source: str, values: dict[str, object]) -> str:
        chunks: list[str] = []
        left = LARGEST_FILE
        for chunk in self._environment.get_template(source).generate({**values, BUDGET: Budget()}):
            chunks.append(chunk)
            left -= len(chunk)
            if left < 0:
                raise LimitExceeded
        return "".join(chunks)

    def _check(self, source: str) -> None:
        text = self.template.sources[source]
        try:
            tree = self._environment.parse(text, name=source)
            self._environment.get_template(source)
        except (TemplateSyntaxError, TemplateAssertionError) as error:
            raise TemplateInvalid(self.template.file(source), error.lineno, error.message or "does not parse") from None
        for name in sorted(meta.find_undeclared_variables(tree) - {"data", "data_list"}):
            if name not in VARIABLES:
                raise self._undeclared(tree, source, name, "the values are " + ", ".join(VARIABLES))
        declared = {value.name for value in self.template.manifest.inputs}
        for use in tree.find_all(nodes.Getattr):
            if isinstance(use.node, nodes.Name) and use.node.name == "inputs" and use.attr not in declared:
                raise TemplateInvalid(self.template.file(source), use.lineno, f"inputs.{use.attr} is not declared in {MANIFEST}")
        for reference in meta.find_referenced_templates(tree):
            if reference not in self.template.sources:
                line = _line_of(text, reference or "include")
                raise TemplateInvalid(self.template.file(source), line, f"includes {reference}, which is not in the folder")

    def check_fields(self) -> None:
        """Raises TemplateInvalid for a field that no value has: found when a template is loaded, not in the middle of an incident."""
        known = known_fields()
        for source in sorted(self.template.sources):
            if source != MANIFEST:
                self._check_fields(self._environment.parse(self.template.sources[source], name=source), source, known)

    def _check_fields(self, tree: nodes.Template, source: str, known: Mapping[str, frozenset[str]]) -> None:
        own = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
        for use in tree.find_all(nodes.Getattr):
            if not isinstance(use.node, nodes.Name) or use.node.name in own:
                continue
            fields = known.get(use.node.name)
            if fields is not None and use.attr not in fields:
                message = f"{use.node.name}.{use.attr} is not a value a template can use; {use.node.name} has {', '.join(sorted(fields))}"
                raise TemplateInvalid(self.template.file(source), use.lineno, message)

    def _undeclared(self, tree: nodes.Template, source: str, name: str, remedy: str) -> TemplateInvalid:
        line = next((use.lineno for use in tree.find_all(nodes.Name) if use.name == name), 1)
        return TemplateInvalid(self.template.file(source), line, f"{name} is not a value a template can use; {remedy}")


def _line_of(text: str, needle: str) -> int:
    found = re.search(re.escape(needle), text)
    return text.count("\n", 0, found.start()) + 1 if found else 1
