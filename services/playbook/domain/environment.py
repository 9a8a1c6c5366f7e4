"""The sandbox templates run in: own delimiters, nothing but records to read, every loop counted.

Delimiters are `[[= … =]]`, `[[% … %]]` and `[[# … #]]`: they clash with neither Vue's and Jinja's `{{ }}`, nor GitHub Actions' `${{ }}`,
nor Prometheus' `{{ $labels }}`, all of which a playbook may have to show.

Work is bounded by counting steps and characters first: the same template and inputs must give the same answer on a busy machine. A
deadline stands behind these, for what counting cannot see.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jinja2 import DictLoader, nodes
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context

from services.playbook.domain.construct import metered, refuse_constructs
from services.playbook.domain.text import data_block, data_list_block
from services.playbook.domain.value import SAFE_INLINE, Absent, Block, Missing, Record, Text, TextOutsideBlock

LARGEST_FILE = 128 * 1024
LARGEST_INLINE = 4096
MOST_STEPS = 100_000
BUDGET = "_budget"


class LimitExceeded(Exception):  # states the fact; never leaves the renderer
    """A render went over a limit; `rule` says which, the message what to do."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


def never() -> bool:
    """A deadline that does not come."""
    return False


class Budget:
    """Steps left for one file: the price of each part that runs, so that steps bound the time on any machine.

    The deadline is asked for at each turn as well: it stops what the machine, not the template, makes slow.
    """

    def __init__(self, is_over: Callable[[], bool] = never, steps: int = MOST_STEPS) -> None:
        self._is_over = is_over
        self._left = steps

    def spend(self, price: int) -> None:
        self._left -= price
        if self._left < 0:
            raise LimitExceeded("RENDER_STEPS", f"takes more than {MOST_STEPS} steps; loop over less, or include less often")
        if self._is_over():
            raise LimitExceeded("RENDER_TIME", "takes longer than its deadline allows; ask again when the machine is less busy")


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Compiles and runs the sources of one template."""

    def __init__(self, sources: dict[str, str]) -> None:
        super().__init__(
            variable_start_string="[[=",
            variable_end_string="=]]",
            block_start_string="[[%",
            block_end_string="%]]",
            comment_start_string="[[#",
            comment_end_string="#]]",
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            undefined=Missing,
            finalize=_printed,
            loader=DictLoader(sources),
            cache_size=-1,
            auto_reload=False,
        )
        # Allow-lists: `default` would hide a missing value, `format` and `center` can write gigabytes.
        self.filters = {"join": _joined, "length": len, "reported": _reported, "counted": _counted, "started": _started}
        self.tests = {"known": _is_known}
        self.globals = {"data": _data, "data_list": _data_list}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Reads a field of a record, or a loop's position; no other attribute of any object can be reached."""
        if isinstance(obj, Record):
            return obj.field(attribute)
        if isinstance(obj, LoopContext) and attribute in ("first", "last", "index", "length"):
            return getattr(obj, attribute)
        return obj if isinstance(obj, Missing) else Missing(name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Reads a list by position, or a record by field name."""
        if isinstance(obj, (list, tuple)) and isinstance(argument, int) and argument < len(obj):
            return obj[argument]
        return self.getattr(obj, str(argument))

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        # Jinja has no hook for steps; this is the documented place to alter the tree between parsing and compiling.
        tree = super()._parse(source, name, filename)
        refuse_constructs(tree, name)
        metered(tree)
        return tree


def _printed(value: object) -> object:
    """Lets a value through to the output, or raises: text from outside has one way there, and that is a data block."""
    if isinstance(value, Block | Missing):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and SAFE_INLINE.fullmatch(value):
        return value
    raise TextOutsideBlock


def _joined(values: Iterable[object], separator: str = ", ") -> str:
    joined = separator.join(str(_printed(value)) for value in values)
    if len(joined) > LARGEST_INLINE:
        raise LimitExceeded("RENDER_SIZE", f"joins more than {LARGEST_INLINE} characters; join less")
    return joined


def _reported(values: Iterable[object]) -> list[object]:
    """Returns the values somebody reported, in order; an undeclared one fails."""
    return [value for value in values if _is_known(value)]


@pass_context
def _counted(context: Context, items: Iterable[object], price: int) -> Iterator[object]:
    budget = context[BUDGET]
    for item in items:
        budget.spend(price)
        yield item


@pass_context
def _started(context: Context, nothing: str, price: int) -> str:
    context[BUDGET].spend(price)
    return nothing


def _is_known(value: object) -> bool:
    if isinstance(value, Missing) and not isinstance(value, Absent):
        str(value)  # raises: an undeclared name is a fault of the template, not an unknown fact
    return not isinstance(value, Absent)


def _data(heading: str, text: object) -> Block:
    return Block(data_block(_heading(heading), _text(text).raw))


def _data_list(heading: str, texts: Iterable[object]) -> Block:
    return Block(data_list_block(_heading(heading), [(_label(text), _text(text).raw) for text in texts]))


def _heading(heading: object) -> str:
    return str(_printed(heading))


def _label(text: object) -> str:
    return str(_printed(_text(text).label))


def _text(value: object) -> Text:
    if isinstance(value, Missing):
        str(value)  # raises, naming the value
    if not isinstance(value, Text):
        raise TextOutsideBlock
    return value
