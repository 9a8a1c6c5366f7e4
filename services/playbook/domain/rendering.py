"""Compiles a template once, and renders its files from records: the same version and the same values give the same bytes."""

import re
from collections.abc import Callable, Mapping

from jinja2 import TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError, TemplateAssertionError, TemplateNotFound, TemplateRuntimeError

from services.playbook.domain.construct import CALLABLE, ConstructRefused
from services.playbook.domain.environment import BUDGET, LARGEST_FILE, Budget, LimitExceeded, TemplateEnvironment, never
from services.playbook.domain.errors import InputUndefined, RenderRefused, TemplateInvalid
from services.playbook.domain.inclusion import Inclusions
from services.playbook.domain.manifest import MANIFEST
from services.playbook.domain.specimen import known_fields
from services.playbook.domain.template import Target, Template
from services.playbook.domain.value import MissingValue, TextOutsideBlock

VARIABLES = ("assessment", "decisions", "incident", "inputs", "practice", "target")
LARGEST_SOURCE = 64 * 1024


class CompiledTemplate:
    """A template that was found fit to render: every source parses, and uses only declared values."""

    def __init__(self, template: Template) -> None:
        """Raises TemplateInvalid, naming file and line, for the first source that is not fit."""
        self.template = template
        texts = {name: text for name, text in template.sources.items() if name != MANIFEST}
        self._environment = TemplateEnvironment(texts)
        self._trees = {source: self._parsed(source, texts[source]) for source in sorted(texts)}
        self.inclusions = Inclusions(template, self._trees)
        self.inclusions.check()
        for source in self._trees:
            self._check(source)
        for file in template.manifest.files:
            if file.source not in template.sources:
                line = _line_of(template.sources[MANIFEST], file.source)
                raise self._fault(MANIFEST, line, f"source {file.source} is not in the folder; add it or leave it out", "SOURCE_MISSING")

    def render(self, values: dict[str, object], target: Target = Target.CLAUDE_CODE, is_over: Callable[[], bool] = never) -> dict[str, str]:
        """Returns the text of each file of the target by bundle path; `is_over` tells that the deadline has come.

        Raises InputUndefined for a value that is not there, RenderRefused for text outside a data block and for work beyond the limits.
        """
        return {file.path: self._render(file.source, file.path, values, is_over) for file in self.template.manifest.files_for(target)}

    def _render(self, source: str, path: str, values: dict[str, object], is_over: Callable[[], bool]) -> str:
        try:
            return self._written(source, {**values, BUDGET: Budget(is_over)})
        except MissingValue as error:
            raise InputUndefined(error.message or "value", self.template.name) from None
        except TextOutsideBlock:
            raise RenderRefused(
                "TEXT_OUTSIDE_BLOCK", path, "a value that is not validated stands outside a data block; use data()"
            ) from None
        except LimitExceeded as limit:
            raise RenderRefused(limit.rule, path, str(limit)) from None
        except (SecurityError, TemplateRuntimeError, TemplateNotFound, TypeError, RecursionError) as error:
            raise RenderRefused("RENDER_FAILED", path, f"{source} fails: {error}") from None

    def _written(self, source: str, values: dict[str, object]) -> str:
        chunks: list[str] = []
        left = LARGEST_FILE
        for chunk in self._environment.get_template(source).generate(values):
            chunks.append(chunk)
            left -= len(chunk)
            if left < 0:
                raise LimitExceeded("RENDER_SIZE", f"writes more than {LARGEST_FILE} characters; write less")
        return "".join(chunks)

    def _parsed(self, source: str, text: str) -> nodes.Template:
        if len(text) > LARGEST_SOURCE:
            raise self._fault(source, 1, f"has {len(text)} characters, at most {LARGEST_SOURCE} are allowed", "SOURCE_TOO_LARGE")
        try:
            tree = self._environment.parse(text, name=source)
            self._environment.get_template(source)
        except ConstructRefused as error:
            raise self._fault(source, error.lineno, error.message or "", "CONSTRUCT_REFUSED") from None
        except (TemplateSyntaxError, TemplateAssertionError) as error:
            raise self._fault(source, error.lineno, error.message or "does not parse", "SOURCE_SYNTAX") from None
        except (RecursionError, SyntaxError, MemoryError):  # from Python's own compiler, for what is nested too deep
            raise self._fault(source, 1, "is nested too deep; split it", "SOURCE_SYNTAX") from None
        return tree

    def _check(self, source: str) -> None:
        tree = self._trees[source]
        for name in sorted(meta.find_undeclared_variables(tree) - CALLABLE):
            if name not in VARIABLES:
                line = next((use.lineno for use in tree.find_all(nodes.Name) if use.name == name), 1)
                message = f"{name} is not a value a template can use; the values are " + ", ".join(VARIABLES)
                raise self._fault(source, line, message, "VALUE_UNKNOWN")
        declared = {value.name for value in self.template.manifest.inputs}
        for name, line in self._inputs_in(source):
            if name not in declared:
                raise self._fault(source, line, f"inputs.{name} is not declared in {MANIFEST}", "INPUT_UNDECLARED")

    def _inputs_in(self, source: str) -> list[tuple[str, int]]:
        uses = self._trees[source].find_all(nodes.Getattr)
        return [(use.attr, use.lineno) for use in uses if isinstance(use.node, nodes.Name) and use.node.name == "inputs"]

    @property
    def inputs_used(self) -> frozenset[str]:
        """Names of the inputs that some source reads; facts count as read where their value is."""
        values = {name for tree in self._trees.values() for name in meta.find_undeclared_variables(tree)}
        return frozenset({name for source in self._trees for name, _ in self._inputs_in(source)} | values)

    def check_fields(self) -> None:
        """Raises TemplateInvalid for a field that no value has: found when a template is loaded, not in the middle of an incident."""
        known = known_fields()
        for source, tree in self._trees.items():
            self._check_fields(tree, source, known)

    def _check_fields(self, tree: nodes.Template, source: str, known: Mapping[str, frozenset[str]]) -> None:
        own = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
        for use in tree.find_all(nodes.Getattr):
            if not isinstance(use.node, nodes.Name) or use.node.name in own:
                continue
            fields = known.get(use.node.name)
            if fields is not None and use.attr not in fields:
                message = f"{use.node.name}.{use.attr} is not a value a template can use; {use.node.name} has {', '.join(sorted(fields))}"
                raise self._fault(source, use.lineno, message, "VALUE_UNKNOWN")

    def _fault(self, source: str, line: int, message: str, rule: str) -> TemplateInvalid:
        return TemplateInvalid(self.template.file(source), line, message, rule)


def _line_of(text: str, needle: str) -> int:
    found = re.search(re.escape(needle), text)
    return text.count("\n", 0, found.start()) + 1 if found else 1
