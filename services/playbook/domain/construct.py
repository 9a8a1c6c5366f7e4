"""What a template may say: an allow-list of Jinja's constructs, and the price of running each part of it.

What is left out has no bound that can be told beforehand (macros that call each other, recursive loops, arithmetic on text) or reaches
outside of the template (imports, inheritance, names made at run time).
"""

from jinja2 import TemplateAssertionError, nodes

ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.CondExpr,
    nodes.For,
    nodes.Include,
    nodes.Assign,
    nodes.Name,
    nodes.Const,
    nodes.List,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Filter,
    nodes.Test,
    nodes.Call,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
)
CALLABLE = frozenset({"data", "data_list"})
FILTERS = frozenset({"join", "length", "reported"})
# A data block is looked through for secrets and invisible characters: it costs as much as some fifty other parts.
_CALL_PRICE = 50


class ConstructRefused(TemplateAssertionError):
    """A construct that no template may use."""


def refuse_constructs(tree: nodes.Template, name: str | None) -> None:
    """Raises ConstructRefused, with its line, for the first construct that is not allowed."""
    for node in _walk(tree):
        fault = _fault(node)
        if fault:
            raise ConstructRefused(fault, node.lineno, name, name)


def _fault(node: nodes.Node) -> str:
    if not isinstance(node, ALLOWED):
        return f"uses {type(node).__name__}, which templates may not; they have values, data(), data_list(), if, for, set and include"
    if isinstance(node, nodes.Call) and not (isinstance(node.node, nodes.Name) and node.node.name in CALLABLE):
        return "calls something that is neither data() nor data_list()"
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        return f"uses the filter {node.name}; there are " + ", ".join(sorted(FILTERS))
    if isinstance(node, nodes.For) and node.recursive:
        return "has a recursive loop; write one loop within the other"
    if isinstance(node, nodes.Include):
        return _include_fault(node)
    # A list in a variable could be put into itself again and again: comparing two such takes for ever.
    if isinstance(node, nodes.Assign) and any(isinstance(each, nodes.List) for each in _walk(node.node)):
        return "sets a variable to a list; write the list where it is used"
    if isinstance(node, nodes.Assign) and not isinstance(node.target, nodes.Name):
        return "sets something that is no plain name"
    return ""


def _include_fault(node: nodes.Include) -> str:
    if not isinstance(node.template, nodes.Const) or not isinstance(node.template.value, str):
        return "includes a name that is made at run time; write the name of the file"
    if node.ignore_missing or not node.with_context:
        return "includes with 'ignore missing' or 'without context', which templates may not"
    return ""


def _walk(node: nodes.Node) -> list[nodes.Node]:
    """Returns the node and all below it, without recursion: a template may be nested as deep as its author likes."""
    found, left = [], [node]
    while left:
        node = left.pop()
        found.append(node)
        left.extend(node.iter_child_nodes())
    return found


def price_of(parts: list[nodes.Node]) -> int:
    """Returns what running these parts once may cost at most, in steps: one for each node, more for calls."""
    inner = [node for part in parts for node in _walk(part)]
    return len(inner) + _CALL_PRICE * sum(isinstance(node, nodes.Call) for node in inner)


def metered(tree: nodes.Template) -> None:
    """Puts a meter before everything that may run more than once: each turn of a loop, each start of a source."""
    for loop in list(tree.find_all(nodes.For)):
        price = price_of([*loop.body, *([loop.test] if loop.test else [])])
        loop.iter = nodes.Filter(loop.iter, "counted", [nodes.Const(price)], [], None, None, lineno=loop.lineno)
    for concat in list(tree.find_all(nodes.Concat)):
        concat.nodes = [nodes.Filter(nodes.List(concat.nodes, lineno=1), "join", [nodes.Const("")], [], None, None, lineno=concat.lineno)]
    start = nodes.Filter(nodes.Const(""), "started", [nodes.Const(price_of(list(tree.body)))], [], None, None, lineno=1)
    tree.body.insert(0, nodes.Output([start], lineno=1))
