"""Lines of code, broken where they would be too long."""

from __future__ import annotations

from collections.abc import Iterator

from .phrases import Call, Phrase

WIDTH = 119


def assignment(target: str, phrase: Phrase, comment: str) -> Iterator[str]:
    """``target = phrase  # comment``, in one line, or with each argument of a call in a line of its own."""
    line = f"    {target} = {phrase}"
    if len(line) + len(comment) + 4 <= WIDTH:
        yield f"{line}  # {comment}"
    elif isinstance(phrase, Call) and phrase.arguments:
        yield f"    {target} = {phrase.function}("
        for argument in phrase.arguments:
            yield from _argument(argument)
        yield f"    )  # {comment}"
    else:
        yield f"    # {comment}"
        yield from [line] if len(line) <= WIDTH else (f"    {target} = (", f"        {phrase}", "    )")


def _argument(text: str) -> Iterator[str]:
    """One argument; a long list with each entry in a line of its own."""
    if len(text) + 9 <= WIDTH or not is_list(text):
        yield f"        {text},"
        return
    yield f"        {text[0]}"
    for entry in entries(text[1:-1]):
        if len(entry) + 13 <= WIDTH or not is_list(entry):
            yield f"            {entry},"
        else:
            yield "            ("
            yield from (f"                {part}," for part in entries(entry[1:-1]))
            yield "            ),"
    yield f"        {text[-1]},"


def is_list(text: str) -> bool:
    """Is it one list or tuple, from its first letter to its last? Not so "(a + b) * c[0]", nor "(a + b)"."""
    if text[:1] not in ("[", "(") or text[-1:] not in ("]", ")"):
        return False
    depth = commas = 0
    for k, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        commas += character == "," and depth == 1
        if not depth and k + 1 < len(text):
            return False
    return text[0] == "[" or commas > 0


def entries(text: str) -> list[str]:
    """The parts of "a, f(b, c), d" that commas outside of all brackets divide."""
    found, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and not depth:
            found.append("")
        else:
            found[-1] += character
    return [part.strip() for part in found if part.strip()]
