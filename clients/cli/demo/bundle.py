"""Bundles on disk: the files of a playbook written into a folder, and nowhere else."""

from pathlib import Path

from ballast.playbook.v1.bundle_pb2 import Bundle

from shared.errors import InvalidInput


def write_bundle(bundle: Bundle, folder: Path) -> None:
    """Writes the bundle's files into the folder. Raises InvalidInput, and writes nothing, when one would lie outside of it."""
    root = folder.resolve()
    targets = {(root / each.path).resolve(): each.content for each in bundle.files}
    for target in targets:
        if not target.is_relative_to(root):
            raise InvalidInput(f"the bundle has a file outside its folder: {target}; do not use it", reason="BUNDLE_PATH_INVALID")
    for target, content in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
