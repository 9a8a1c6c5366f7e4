"""Template folders on disk: one folder for each template, its id as the folder's name."""

from pathlib import Path

from services.playbook.domain.errors import TemplateInvalid
from services.playbook.domain.manifest import MANIFEST, manifest_from
from services.playbook.domain.rendering import CompiledTemplate
from services.playbook.domain.template import Template, content_hash_of

SHIPPED = Path(__file__).parent.parent / "templates"


def load_templates(root: Path = SHIPPED) -> dict[str, CompiledTemplate]:
    """Returns every template below `root` by resource name, compiled. Raises TemplateInvalid, naming file and line, for the first fault."""
    if not root.is_dir():
        raise TemplateInvalid(str(root), 1, "is not a folder; set template_dir to one that holds a folder for each template")
    compiled = [CompiledTemplate(read_template(folder)) for folder in sorted(root.iterdir()) if _is_template_folder(folder)]
    for each in compiled:
        each.check_fields()
    return {each.template.name: each for each in compiled}


def read_template(folder: Path) -> Template:
    """Reads one folder, every file of it; line ends are read as `\\n`, so that a checkout on another system has the same hash."""
    sources = {path.name: _text(path) for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")}
    if MANIFEST not in sources:
        raise TemplateInvalid(str(folder / MANIFEST), 1, "is not there; every template folder needs one")
    manifest = manifest_from(sources[MANIFEST], str(folder / MANIFEST))
    if manifest.id != folder.name:
        raise TemplateInvalid(str(folder / MANIFEST), 1, f"id {manifest.id!r} must be the folder's name, {folder.name!r}")
    return Template(manifest, sources, str(folder), content_hash_of(sources))


def _is_template_folder(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith((".", "_"))


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise TemplateInvalid(str(path), line, "is not UTF-8") from None
