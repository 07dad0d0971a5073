r"""The linear-time scanner of a response: boxes, tags, numbers, stop tokens.

Covers: `\boxed{...}` and `\fbox{...}` with nested and escaped braces, `\boxed 5`, boxes that are
never closed; literal tags such as `<think>`; the last number of a text; chat stop tokens at its
end. Every function reads each character a bounded number of times, so a hostile response of any
shape costs time and memory in proportion to its length and nothing more.
Does not cover: what a response means. Verifiers and label extraction decide that.

Example:
    >>> last_boxed(r"so \boxed{\frac{1}{2}} and then \boxed{3")
    '\\frac{1}{2}'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

# No pattern here can read a long stretch, fail, and read it again from the next character:
# what follows an unbounded run is always optional.
_BOX_EVENTS = re.compile(
    r"\\{1,2}(?P<command>boxed|fbox)(?![A-Za-z])(?P<space>[ \t\r\n]{0,64})"
    r"(?:(?P<open>\{)|(?P<bare>[-+]?[0-9][0-9.,/]*|(?<=[ \t\r\n])[A-Za-z](?![A-Za-z]))|)"
    r"|\\.|[{}]",
    re.DOTALL,
)
_NUMBER = re.compile(
    r"\\[A-Za-z]+|[A-Za-z_][A-Za-z0-9_]*"
    r"|(?P<number>(?:(?<![0-9)\]}])[-+\u2212])?"
    r"(?:(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)"
    r"(?:[eE][-+]?[0-9]+)?(?:/[0-9]+)?)"
)

STOP_TOKENS = (
    "<|im_end|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<end_of_turn>",
    "<eos>",
    "</s>",
    "<pad>",
    "<｜end▁of▁sentence｜>",
)


@dataclass(frozen=True)
class Box:
    r"""One `\boxed` or `\fbox` of a text.

    Args:
        source: the text that holds it.
        command: `boxed` or `fbox`.
        start: index of its first backslash.
        end: index after its last character; the end of the text where it is not closed.
        content_start: index of the first character inside.
        content_end: index after the last character inside.
        closed: whether its brace was closed; a bare `\boxed 5` needs none and counts as closed.
        braced: whether its content stands in braces.
        depth: how many boxes are open around it.
    """

    source: str = field(repr=False)
    command: str
    start: int
    end: int
    content_start: int
    content_end: int
    closed: bool
    braced: bool
    depth: int

    @property
    def content(self) -> str:
        """The text inside, without surrounding white space."""
        return self.source[self.content_start : self.content_end].strip()


@dataclass(frozen=True)
class Tag:
    """One literal tag, `<name>` or `</name>`.

    Args:
        name: the name between the brackets.
        closing: whether it is `</name>`.
        start: index of `<`.
        end: index after `>`.
    """

    name: str
    closing: bool
    start: int
    end: int


def find_boxes(text: str) -> list[Box]:
    r"""All boxes of a text, in the order in which they begin; unclosed ones are marked.

    Args:
        text: a response or a solution.

    Example:
        >>> [(box.content, box.closed) for box in find_boxes(r"\boxed{a \boxed{b}} \fbox{c")]
        [('a \\boxed{b}', True), ('b', True), ('c', False)]
    """
    boxes: list[Box] = []
    # Open braces; a box's own brace carries the box's index in `boxes`, others carry -1.
    stack: list[int] = []
    open_boxes = 0
    for event in _BOX_EVENTS.finditer(text):
        if event["bare"] is not None:
            start = event.start("bare")
            end = start + len(event["bare"].rstrip(".,/"))
            command = event["command"]
            boxes.append(
                Box(text, command, event.start(), end, start, end, True, False, open_boxes)
            )
        elif event["open"] is not None:
            stack.append(len(boxes))
            boxes.append(_unclosed(text, event, open_boxes))
            open_boxes += 1
        elif event[0] == "{":
            stack.append(-1)
        elif event[0] == "}" and stack:
            index = stack.pop()
            if index >= 0:
                boxes[index] = replace(
                    boxes[index], end=event.end(), content_end=event.start(), closed=True
                )
                open_boxes -= 1
    return boxes


def _unclosed(text: str, event: re.Match[str], depth: int) -> Box:
    end = len(text)
    return Box(text, event["command"], event.start(), end, event.end(), end, False, True, depth)


def last_boxed(text: str) -> str | None:
    r"""The content of the closed box that begins last, or None.

    Of boxes inside each other the innermost last one counts.

    Example:
        >>> last_boxed(r"\boxed{1} or rather \boxed{ \{2, 3\} }")
        '\\{2, 3\\}'
        >>> last_boxed("no box") is None
        True
    """
    for box in reversed(find_boxes(text)):
        if box.closed:
            return box.content
    return None


def find_tags(text: str, names: Sequence[str] = ("think", "answer")) -> list[Tag]:
    """All tags of the given names, in one pass, in order; case and spelling are exact.

    Args:
        text: a response.
        names: tag names, without brackets.

    Example:
        >>> [(t.name, t.closing) for t in find_tags("<think>a</think>")]
        [('think', False), ('think', True)]
    """
    pattern = re.compile(f"<(?P<slash>/?)(?P<name>{'|'.join(map(re.escape, names))})>")
    return [
        Tag(tag["name"], bool(tag["slash"]), tag.start(), tag.end())
        for tag in pattern.finditer(text)
    ]


def last_number(text: str) -> str | None:
    """The last number of a text as it is written, with sign, thousands commas and `a/b`; or None.

    A digit that belongs to a word (`m2`, `x_1`) is not a number, nor is a `-` after a digit or a
    closing bracket a sign.

    Example:
        >>> last_number("from 10 to -1,234.5 m2.")
        '-1,234.5'
        >>> last_number("3-4"), last_number("none")
        ('4', None)
    """
    found = None
    for match in _NUMBER.finditer(text):
        if match["number"] is not None:
            found = match["number"]
    return found


def strip_stop_tokens(text: str, tokens: Iterable[str] = STOP_TOKENS) -> str:
    """A text without the chat stop tokens and white space at its end.

    Args:
        text: a response, decoded with or without special tokens.
        tokens: the stop tokens to take off, as they are written.

    Example:
        >>> strip_stop_tokens("done <|im_end|>\\n<|endoftext|>")
        'done'
    """
    endings = tuple(token for token in tokens if token)
    end = len(text)
    while True:
        while end and text[end - 1].isspace():
            end -= 1
        token = next((token for token in endings if text.endswith(token, 0, end)), None)
        if token is None:
            return text[:end]
        end -= len(token)
