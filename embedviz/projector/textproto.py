"""A small reader of protocol buffers in text form, enough for `projector_config.pbtxt`."""

from __future__ import annotations

import re
from collections import deque
from typing import TypeAlias

Value: TypeAlias = "str | float | Message"
Message: TypeAlias = "dict[str, list[Value]]"
"""Field name -> its values in order, because any field may be repeated."""

_TOKEN = re.compile(
    r"""(?P<skipped>[\s,;]+|\#[^\n]*)
    |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'
    |[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?
    |\w+|[{}<>:\[\]]""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(x[\da-fA-F]{1,2}|[0-7]{1,3}|.)")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r"}
_CLOSERS = {"{": "}", "<": ">"}


def parse(text: str) -> Message:
    """Give the fields of a message in text form.

    Raises
    ------
    ValueError
        With what stands where something else should.
    """
    try:
        return _fields(deque(_tokens(text)), "")
    except RecursionError:
        raise ValueError("its braces are nested too deeply") from None


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"{text[at : at + 20]!r} makes no sense")
        if found["skipped"] is None:
            tokens.append(found[0])
        at = found.end()
    return tokens


def _fields(tokens: deque[str], closer: str) -> Message:
    fields: Message = {}
    while tokens:
        name = tokens.popleft()
        if name == closer:
            return fields
        if not name.isidentifier():
            raise ValueError(f"{name!r} stands where a field's name should")
        if tokens and tokens[0] == ":":
            tokens.popleft()
        fields.setdefault(name, []).extend(_values(tokens, name))
    if closer:
        raise ValueError(f"{closer!r} is missing at the end")
    return fields


def _values(tokens: deque[str], field: str) -> list[Value]:
    token = tokens.popleft() if tokens else ""
    if token in _CLOSERS:
        return [_fields(tokens, _CLOSERS[token])]
    if token == "[":
        values: list[Value] = []
        while tokens and tokens[0] != "]":
            values.extend(_values(tokens, field))
        token = tokens.popleft() if tokens else ""
        if token == "]":
            return values
    if token[:1] in ("'", '"'):
        parts = [token]
        while tokens and tokens[0][0] in "'\"":
            parts.append(tokens.popleft())
        return ["".join(_ESCAPE.sub(_unescaped, part[1:-1]) for part in parts)]
    if token == "" or token in "]}>:":
        raise ValueError(f"the field {field!r} has no value")
    return [token if token.isidentifier() else float(token)]


def _unescaped(escape: re.Match[str]) -> str:
    code = escape[1]
    if code[0] == "x" and len(code) > 1:
        return chr(int(code[1:], 16))
    return chr(int(code, 8)) if code[0] in "01234567" else _LETTERS.get(code, code)
