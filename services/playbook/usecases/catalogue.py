"""The templates there are."""

from collections.abc import Mapping

from services.playbook.domain.errors import TemplateNotFound
from services.playbook.domain.rendering import CompiledTemplate
from services.playbook.domain.template import Template
from shared.paging import Page, PageQuery


class Catalogue:
    """Templates by resource name, and the one incidents are handled with."""

    def __init__(self, templates: Mapping[str, CompiledTemplate], incident_template: str) -> None:
        """Raises TemplateNotFound when the template for incidents is not among them."""
        self._templates = dict(templates)
        self.for_incidents = self.get(f"templates/{incident_template}")

    def get(self, name: str) -> CompiledTemplate:
        """Raises TemplateNotFound."""
        if name not in self._templates:
            raise TemplateNotFound(name)
        return self._templates[name]

    def page(self, query: PageQuery) -> Page[Template]:
        """Returns a page of templates, by name."""
        after = query.cursor[0] if query.cursor else ""
        names = [name for name in sorted(self._templates) if name > after][: query.limit]
        return query.page([self._templates[name].template for name in names], [(name,) for name in names])
