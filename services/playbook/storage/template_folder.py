"""Template folders on disk: one folder for each template, its id as the folder's name, perhaps within a folder that groups some.

A folder holds `template.yaml`, sources (`*.j2`), golden cases (`cases/*.yaml`) and a `README.md`. Only manifest, sources and the partials
it names make up its content. Partials stand beside the templates in `_partials`.
"""

from collections.abc import Iterator
from pathlib import Path

from services.playbook.domain.case import Case, case_from, incident_from
from services.playbook.domain.errors import TemplateInvalid
from services.playbook.domain.manifest import MANIFEST, PARTIALS, manifest_from
from services.playbook.domain.rendering import LARGEST_SOURCE, CompiledTemplate
from services.playbook.domain.template import Manifest, Template, content_hash_of

SHIPPED = Path(__file__).parent.parent / "templates"
CASES = "cases"
INCIDENTS = "_incidents"
README = "README.md"


def load_templates(root: Path = SHIPPED) -> dict[str, CompiledTemplate]:
    """Returns every template below `root` by resource name, compiled. Raises TemplateInvalid, naming file and line, for the first fault."""
    if not root.is_dir():
        raise TemplateInvalid(str(root), 1, "is not a folder; set template_dir to one that holds a folder for each template")
    loaded: dict[str, CompiledTemplate] = {}
    for folder in template_folders(root):
        compiled = CompiledTemplate(read_template(folder, root))
        compiled.check_fields()
        name = compiled.template.name
        if name in loaded:
            raise TemplateInvalid(str(folder / MANIFEST), 1, f"id {folder.name!r} is also that of {loaded[name].template.folder}")
        loaded[name] = compiled
    return dict(sorted(loaded.items()))


def template_folders(root: Path) -> Iterator[Path]:
    """Yields the folders of templates below `root`, in order; a folder without a manifest whose folders have one groups these."""
    for folder in _folders(root):
        inner = [] if (folder / MANIFEST).exists() else [each for each in _folders(folder) if (each / MANIFEST).exists()]
        yield from inner or [folder]


def read_template(folder: Path, root: Path) -> Template:
    """Reads one folder, and from `root` the partials it names; `\\r\\n` is read as `\\n`, so that a checkout on any system has one hash."""
    if folder.is_symlink():
        raise TemplateInvalid(str(folder), 1, "is a link, which may lead out of the folder; put the folder itself here", "INCLUDE_OUTSIDE")
    _refuse_strangers(folder)
    if not (folder / MANIFEST).exists():
        raise TemplateInvalid(str(folder / MANIFEST), 1, "is not there; every template folder needs one")
    text = _text(folder / MANIFEST)
    manifest = manifest_from(text, str(folder / MANIFEST))
    if manifest.id != folder.name:
        raise TemplateInvalid(str(folder / MANIFEST), 1, f"id {manifest.id!r} must be the folder's name, {folder.name!r}")
    sources = {MANIFEST: text, **{path.name: _text(path) for path in sorted(folder.glob("*.j2"))}, **_partials(manifest, folder, root)}
    return Template(manifest, sources, str(folder), content_hash_of(sources))


def read_cases(folder: Path, root: Path = SHIPPED) -> dict[str, Case]:
    """Returns the golden cases of a template by name, in order; `_incidents` holds those that several rest on. Raises TemplateInvalid."""
    incidents = {path.stem: incident_from(_text(path), str(path)) for path in sorted((root / INCIDENTS).glob("*.yaml"))}
    return {path.stem: case_from(_text(path), str(path), incidents) for path in sorted((folder / CASES).glob("*.yaml"))}


def _partials(manifest: Manifest, folder: Path, root: Path) -> dict[str, str]:
    found = {}
    for name in manifest.partials:
        path = root / PARTIALS / name
        if not path.is_file():
            raise TemplateInvalid(str(folder / MANIFEST), 1, f"partial {name} is not in {root / PARTIALS}", "INCLUDE_MISSING")
        found[f"{PARTIALS}/{name}"] = _text(path)
    return found


def _refuse_strangers(folder: Path) -> None:
    """A file that is neither manifest nor source nor case is a mistake more often than not: a source whose name lacks its ending."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.name in (MANIFEST, README) or path.suffix == ".j2":
            continue
        if path.name != CASES or not path.is_dir():
            raise TemplateInvalid(str(path), 1, f"is neither {MANIFEST}, {README}, a .j2 source nor the folder {CASES}", "FILE_UNKNOWN")


def _folders(path: Path) -> list[Path]:
    return sorted(each for each in path.iterdir() if each.is_dir() and not each.name.startswith((".", "_")))


def _text(path: Path) -> str:
    if path.is_symlink():
        raise TemplateInvalid(str(path), 1, "is a link, which may lead out of the folder; put the file itself here", "INCLUDE_OUTSIDE")
    if path.stat().st_size > 4 * LARGEST_SOURCE:
        raise TemplateInvalid(str(path), 1, f"has {path.stat().st_size} bytes; it is not read", "SOURCE_TOO_LARGE")
    try:
        return path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise TemplateInvalid(str(path), line, "is not UTF-8", "SOURCE_NOT_TEXT") from None
