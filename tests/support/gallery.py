"""Writes docs/playbooks/gallery and the digests of every golden case: `make gallery`."""

import hashlib
import json
import shutil

from tests.support.templates import GALLERY, ROOT, gallery, keys, shown, templates

DIGESTS = ROOT / "tests" / "unit" / "golden" / "playbooks.json"


def digests() -> dict[str, dict[str, str]]:
    """Returns SHA-256 of every file of every case at every target."""
    return {
        one.name: {path: hashlib.sha256(text.encode()).hexdigest() for path, text in sorted(one.files.items())}
        for one in (shown(*key) for key in keys())
    }


def contents() -> str:
    """Returns the page that leads to the bundles."""
    lines = ["# Gallery", "", "One incident, as each template and target renders it; `make gallery` writes it, a test keeps it fresh.", ""]
    lines += ["Files that an agent would read by their name have `.txt` behind it here, and `.claude` is `dot-claude`.", ""]
    pages = sorted(gallery())
    for template, (compiled, _) in templates().items():
        manifest = compiled.template.manifest
        lines += [f"## {template} {manifest.version}", "", manifest.description, ""]
        for target in manifest.targets:
            here = [page for page in pages if page.startswith(f"{template}/{target.value}/")]
            links = ", ".join(f"[{page.split('/', 2)[2].removesuffix('.txt')}]({page})" for page in here)
            lines.append(f"- `{target.value}`: {links}")
        lines.append("")
    return "\n".join(lines)


def write() -> None:
    shutil.rmtree(GALLERY, ignore_errors=True)
    for path, text in {**gallery(), "README.md": contents()}.items():
        page = GALLERY / path
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text)
    DIGESTS.parent.mkdir(parents=True, exist_ok=True)
    DIGESTS.write_text(json.dumps(digests(), indent=1) + "\n")


if __name__ == "__main__":
    write()
