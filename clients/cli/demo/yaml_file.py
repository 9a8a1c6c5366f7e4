"""YAML files of the example, read into models; what breaks a rule is refused with file and line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from clients.cli.demo.errors import FileRefused
from shared.errors import Violation

Location = tuple[int | str, ...]


class Entry(BaseModel):
    """A mapping in such a file. A key it does not know is an error: a misspelt one must not be lost."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=Entry)


@dataclass(frozen=True, slots=True)
class Sheet(Generic[Model]):
    """A file's content, and where in the file each part of it stands."""

    path: Path
    content: Model
    root: yaml.Node

    def violation(self, location: Location, description: str) -> Violation:
        """Returns the violation of a rule at a place such as `("items", 3, "due")`."""
        return _violation(self.path, self.root, location, description)


def read_sheet(path: Path, model: type[Model]) -> Sheet[Model]:
    """Reads a file. Raises FileRefused naming every place that breaks a rule of the model."""
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise FileRefused([Violation(path.name, f"cannot be read ({error}); give the folder of the example with --example")]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise FileRefused([Violation(f"{path.name}:{line}", f"is no YAML: {error.problem}; mend it there")]) from None
    if root is None:
        raise FileRefused([Violation(f"{path.name}:1", f"is empty; it must hold {', '.join(model.model_fields)}")])
    try:
        return Sheet(path, model.model_validate(data), root)
    except ValidationError as error:
        raise FileRefused([_violation(path, root, each["loc"], _rule(each)) for each in error.errors()]) from None


def _rule(error: Any) -> str:
    if error["type"] == "missing":
        return "is missing; add it"
    if error["type"] == "extra_forbidden":
        return "is not a known key; remove it, or mend its spelling"
    return f"{error['msg'][:1].lower()}{error['msg'][1:]}; it is {error['input']!r}: correct it"


def _violation(path: Path, root: yaml.Node, location: Location, description: str) -> Violation:
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    return Violation(f"{path.name}:{_line(root, location)}: {field}", description)


def _line(node: yaml.Node, location: Sequence[int | str]) -> int:
    """Returns the line of the deepest part of `location` that the file has."""
    for part in location:
        following = _child(node, part)
        if following is None:
            break
        node = following
    return int(node.start_mark.line) + 1


def _child(node: yaml.Node, part: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part]  # type: ignore[no-any-return]  # the published types leave it open
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == str(part)), None)
    return None
