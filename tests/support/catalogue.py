"""Documents of catalogue files, with only what a test cares about."""

from collections.abc import Mapping
from datetime import UTC, datetime

from services.triage.domain.entity import DocumentReading
from services.triage.domain.entity_document import read_document
from shared.yaml_documents import documents_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def entity(kind: str, name: str, *, metadata: str = "", spec: str = "owner: shop", version: str = "backstage.io/v1alpha1") -> str:
    """Returns one document; `metadata` and `spec` are lines of YAML, without their indents."""
    return f"---\napiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n{_indented(metadata)}spec:\n{_indented(spec)}"


def component(name: str, *needs: str, annotations: Mapping[str, str] | None = None, spec: str = "", metadata: str = "") -> str:
    """Returns a component of the group `shop` that needs others."""
    told = "".join(f"\n  {key}: {value}" for key, value in (annotations or {}).items())
    metadata += f"\nannotations:{told}" if told else ""
    depends = "\ndependsOn:" + "".join(f"\n- component:{each}" for each in needs) if needs else ""
    return entity("Component", name, metadata=metadata, spec=f"type: service\nlifecycle: production\nowner: shop{depends}\n{spec}")


def read(text: str, file: str = "catalog-info.yaml") -> DocumentReading:
    """Reads the only document of a text."""
    (document,) = documents_of(text)
    return read_document(document, file)


def _indented(lines: str) -> str:
    return "".join(f"  {line}\n" for line in lines.splitlines() if line)
