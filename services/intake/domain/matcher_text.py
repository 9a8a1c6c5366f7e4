"""Alertmanager's text form of matchers, read and written: `{alertname=~"High.*", "a name"!="x"}`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.intake.domain.errors import MatchersRefused
from services.intake.domain.matcher import Matcher, Matchers, Operator
from shared.errors import Violation

LONGEST_TEXT = 16_384
_TOKEN = re.compile(
    r"""\s*(?: (?P<quoted>"(?:[^"\\]|\\.)*")
             | (?P<operator>=~|!=|!~|=)
             | (?P<mark>[{},])
             | (?P<bare>[^\s{}!=~,\\"'`]+)
             | (?P<end>\Z) )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"'}
_WRITTEN = {each: f"\\{letter}" for letter, each in _ESCAPES.items()}
_PLAIN_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    place: int  # in characters from the beginning, which is 1


class _Unreadable(ValueError):
    """The text breaks the form; the message says where."""


def parse_matchers(text: str, field: str) -> Matchers:
    """Reads any number of matchers, with braces or without, separated by commas. Raises MatchersRefused naming `field`.

    Names and values stand bare or in double quotes, with the escapes of Go; a bare one ends at white space and at any of
    `{}!=~,\\"'` and the back-tick. Says nothing on whether the matchers make sense: see `check_matchers`.
    """
    if len(text) > LONGEST_TEXT:
        raise MatchersRefused([Violation(field, f"is longer than {LONGEST_TEXT:,} characters; give matchers one by one")])
    try:
        return tuple(_matchers(list(_tokens(text))))
    except _Unreadable as error:
        raise MatchersRefused([Violation(field, str(error))]) from None


def matcher_text(matcher: Matcher) -> str:
    """Returns the matcher as Alertmanager prints it; reading that gives the same matcher."""
    label = matcher.label if _PLAIN_LABEL.fullmatch(matcher.label) else _quoted(matcher.label)
    return f"{label}{matcher.operator}{_quoted(matcher.value)}"


def matchers_text(matchers: Sequence[Matcher]) -> str:
    return "{" + ", ".join(matcher_text(each) for each in matchers) + "}"


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while True:
        found = _TOKEN.match(text, place)
        if found is None:
            place = len(text) - len(text[place:].lstrip())
            raise _Unreadable(_stray(text[place], place + 1))
        kind = str(found.lastgroup)
        yield _Token(kind, found[kind], found.start(kind) + 1)
        if kind == "end":
            return
        place = found.end()


def _stray(character: str, place: int) -> str:
    if character == '"':
        return f"has a quote at character {place} that is not closed; close it"
    return f"has {character!r} at character {place}, where it has no meaning; put names and values that hold it in double quotes"


def _matchers(tokens: list[_Token]) -> Iterator[Matcher]:
    rest = iter(tokens)
    token = next(rest)
    is_open = token.text == "{" and token.kind == "mark"
    if is_open:
        token = next(rest)
    while token.kind in {"quoted", "bare"}:
        operator = _expected(next(rest), {"operator"}, "one of = != =~ !~")
        value = _expected(next(rest), {"quoted", "bare"}, 'a value ("" for an empty one)')
        yield Matcher(_read(token), Operator(operator.text), _read(value))
        token = next(rest)
        if (token.kind, token.text) == ("mark", ","):
            token = next(rest)
        elif token.kind in {"quoted", "bare"}:
            raise _Unreadable(f"lacks a comma before {token.text} at character {token.place}")
    if is_open:
        if (token.kind, token.text) != ("mark", "}"):
            raise _Unreadable(f"lacks a closing brace at character {token.place}")
        token = next(rest)
    _expected(token, {"end"}, "nothing more" if is_open else "a name")


def _expected(token: _Token, kinds: set[str], what: str) -> _Token:
    if token.kind not in kinds:
        raise _Unreadable(f"has {token.text or 'its end'} at character {token.place}, where {what} should stand")
    return token


def _read(token: _Token) -> str:
    if token.kind == "bare":
        return token.text
    # Bytes, since \xHH is one byte of UTF-8, as in Go.
    parts, last = [], 1
    for found in _ESCAPE.finditer(token.text, 1, len(token.text) - 1):
        parts += [token.text[last : found.start()].encode("utf-8", "surrogatepass"), _unescaped(found[1], token.place + found.start())]
        last = found.end()
    parts.append(token.text[last:-1].encode("utf-8", "surrogatepass"))
    try:
        return b"".join(parts).decode()
    except UnicodeDecodeError:
        raise _Unreadable(f"is not UTF-8 in the quotes at character {token.place}") from None


def _unescaped(escape: str, place: int) -> bytes:
    if escape in _ESCAPES:
        return _ESCAPES[escape].encode()
    if escape[0] in "01234567" and len(escape) == 3 and int(escape, 8) < 256:
        return bytes([int(escape, 8)])
    if escape[0] == "x" and len(escape) == 3:
        return bytes([int(escape[1:], 16)])
    if escape[0] in "uU" and len(escape) > 1 and int(escape[1:], 16) <= 0x10FFFF:
        return chr(int(escape[1:], 16)).encode("utf-8", "surrogatepass")
    raise _Unreadable(f"has the escape \\{escape} at character {place}, which there is not; in quotes a backslash is written \\\\")


def _quoted(text: str) -> str:
    return '"' + "".join(_WRITTEN.get(each) or (each if each.isprintable() else _numbered(each)) for each in text) + '"'


def _numbered(character: str) -> str:
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x1_0000 else f"\\U{code:08x}"
