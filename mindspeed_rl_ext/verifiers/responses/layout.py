r"""Where a response's answer is: its last answer block, its last box, its layout of blocks.

Covers: blocks of tags found by one linear scan; the strict layout `<think>` block, white space,
`<answer>` block, nothing else; prompts that already end in `<think>`.
Does not cover: what the answer means; `equivalence` and `countdown` decide that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mindspeed_rl_ext.core.responses.text import Tag, find_boxes, find_tags, strip_stop_tokens

THINK_OPENING = "<think>"


@dataclass(frozen=True)
class Layout:
    """Whether a response has the strict layout: the answer block's text, or what is wrong."""

    answer: str | None
    fault: str = ""


def last_block(text: str, name: str = "answer", *, in_open_think: bool = False) -> str | None:
    """The text of the last closed block of a tag outside the thinking, or None.

    A block runs from the nearest opening before its closing tag, so a stray opening earlier in
    the response does not swallow the reasoning. What is tried while thinking is no answer.

    Args:
        text: the response.
        name: of the tag.
        in_open_think: whether a block counts that stands behind a `<think>` that is never closed.

    Example:
        >>> last_block("<answer>1</answer> no: <answer>2</answer> <answer>3")
        '2'
        >>> last_block("<think>try <answer>1</answer> or not</think>") is None
        True
    """
    closing: Tag | None = None
    thinking = _thinking(find_tags(text, ("think",)), None if in_open_think else len(text))
    for tag in reversed(find_tags(text, (name,))):
        if any(start <= tag.start < end for start, end in thinking):
            closing = None
        elif tag.closing:
            closing = tag
        elif closing is not None:
            return text[tag.end : closing.start]
    return None


def _thinking(tags: Sequence[Tag], end: int | None) -> list[tuple[int, int]]:
    """Where think blocks begin and end; the first may have been opened by the prompt.

    Args:
        tags: of the thinking.
        end: where a block ends that is never closed; None where that is no block.
    """
    stretches: list[tuple[int, int]] = []
    start: int | None = None
    for number, tag in enumerate(tags):
        if not tag.closing:
            start = tag.start if start is None else start
        elif start is not None or number == 0:
            stretches.append((start or 0, tag.end))
            start = None
    if start is not None and end is not None:
        stretches.append((start, end))
    return stretches


def final_answer_line(text: str, marker: str = "Answer:", window: int = 300) -> str | None:
    """What follows the last marker on its line, within the last characters of a response.

    Args:
        text: the response.
        marker: what the prompt asked to write; its case does not count.
        window: how many characters at the end are looked at.

    Example:
        >>> final_answer_line("Answer: 3\\nno\\n**Answer: $4$**<|im_end|>")
        '$4$'
    """
    tail = strip_stop_tokens(text)[-window:]
    at = tail.casefold().rfind(marker.casefold())
    if at < 0:
        return None
    lines = tail[at + len(marker) :].strip(" \t*").splitlines()
    return lines[0].strip(" \t*") if lines else ""


def with_think(response: str, *, think_prefilled: bool) -> str:
    """A response as the policy meant it where the prompt already ended in `<think>`."""
    if think_prefilled and not response.lstrip().startswith(THINK_OPENING):
        return THINK_OPENING + response
    return response


def after_think(text: str) -> str:
    """What follows the last `</think>`; the whole text where there is none.

    Example:
        >>> after_think("<think>1</think> 2"), after_think("2")
        (' 2', '2')
    """
    ends = [tag.end for tag in find_tags(text, ("think",)) if tag.closing]
    return text[ends[-1] :] if ends else text


def think_text(response: str) -> str:
    """What stands in the first think block, without white space around; empty where nothing does.

    Example:
        >>> think_text("<think> a </think> <answer>b</answer>")
        'a'
    """
    tags = find_tags(response, ("think",))
    if len(tags) < 2 or tags[0].closing or not tags[1].closing:
        return ""
    return response[tags[0].end : tags[1].start].strip()


def strict_layout(response: str, *, tags_in_think: bool = False) -> Layout:
    """Reads `<think>...</think> <answer>...</answer>` with nothing but white space outside.

    Args:
        response: the whole response; stop tokens at its end do not count.
        tags_in_think: whether answer tags inside the think block are allowed.

    Example:
        >>> strict_layout("<think>a</think> <answer>b</answer>\\n").answer
        'b'
        >>> strict_layout("<think>a</think> so <answer>b</answer>").fault
        'text between </think> and <answer>'
    """
    text = strip_stop_tokens(response)
    tags = find_tags(text)
    if tags_in_think:
        tags = _without_answers_in_think(tags)
    shape = [(tag.name, tag.closing) for tag in tags]
    if shape != [("think", False), ("think", True), ("answer", False), ("answer", True)]:
        return Layout(None, f"tags are {_spell(tags)}, not one block of each")
    opening, closing, answer, end = tags
    if text[: opening.start].strip():
        return Layout(None, "text before <think>")
    if text[closing.end : answer.start].strip():
        return Layout(None, "text between </think> and <answer>")
    if text[end.end :].strip():
        return Layout(None, "text after </answer>")
    return Layout(text[answer.end : end.start])


def has_one_closed_box(text: str) -> bool:
    r"""Whether a text has one `\boxed{...}`, closed and with a content; boxes inside it are free.

    Example:
        >>> has_one_closed_box(r"so \boxed{1}"), has_one_closed_box(r"\boxed{1} \boxed{2}")
        (True, False)
        >>> has_one_closed_box(r"\boxed{}"), has_one_closed_box(r"\boxed 1")
        (False, False)
    """
    outer = [box for box in find_boxes(text) if box.depth == 0]
    return len(outer) == 1 and bool(
        outer[0].command == "boxed" and outer[0].braced and outer[0].closed and outer[0].content
    )


def _without_answers_in_think(tags: list[Tag]) -> list[Tag]:
    """Leaves out answer tags between the first `<think>` and the first `</think>` after it."""
    kept: list[Tag] = []
    thinking = False
    for tag in tags:
        if tag.name == "think":
            thinking = not tag.closing
        elif thinking:
            continue
        kept.append(tag)
    return kept


def _spell(tags: list[Tag]) -> str:
    words = [f"<{'/' if tag.closing else ''}{tag.name}>" for tag in tags[:6]]
    return " ".join(words) + (" ..." if len(tags) > 6 else "") if words else "missing"
