"""Whether files of chat prompts are what verl needs, whoever made them.

Covers: prompts that are text, carry a template already or end with the assistant; no reference, or
one of several types; prompts that verl cuts from the left; the answer in the prompt or beside it;
columns whose type differs between files, which verl joins into one data set.
Does not cover: whether a verifier reads the reference; `msrl-ext doctor` asks it.

Example:
    >>> row_problem({"prompt": "1 + 1 = ?", "reward_model": {"ground_truth": "2"}}).kind
    'string_prompt'
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mindspeed_rl_ext.core.responses.answers import NoAnswerError, extract_label, parse_extractor
from mindspeed_rl_ext.preprocess.checks.prompts import (
    SYSTEM_MARKERS,
    TURN_MARKERS,
    check_leak,
    occurrences,
)
from mindspeed_rl_ext.preprocess.record import Prompt, Record, RejectError
from mindspeed_rl_ext.preprocess.templates.chat_template import ChatTemplate
from mindspeed_rl_ext.preprocess.verl.reading import VerlFile

# What others put beside the prompt; verl hands it to the reward alone, and to logs.
SOLUTION_KEYS = ("answer", "solution", "response", "output")
_WHOLE = parse_extractor("none")


class RowProblem(NamedTuple):
    """What is wrong with one row.

    Args:
        kind: what is counted.
        detail: what was found.
    """

    kind: str
    detail: str


class FileProblem(NamedTuple):
    """What is wrong with a row of a file, or between files.

    Args:
        kind: what is counted.
        file: the file's name.
        row: its place in the file, the first being 0; None where it is the file itself.
        detail: what was found.
    """

    kind: str
    file: str
    row: int | None
    detail: str


def problems(
    files: Sequence[VerlFile],
    *,
    max_rows: int,
    template: ChatTemplate | None = None,
    count_tokens: Callable[[str], int] | None = None,
    max_prompt_length: int | None = None,
) -> Iterator[FileProblem]:
    """Yields what is wrong with files that are used together; at most the first thing of each row.

    Args:
        files: what `data.train_files` names.
        max_rows: how many rows of each are looked at.
        template: the model's chat template, for lengths.
        count_tokens: the number of tokens of a text.
        max_prompt_length: verl's `data.max_prompt_length`, in tokens.
    """
    yield from type_problems(files)
    kinds: dict[str, str] = {}
    for file in files:
        for number, row in enumerate(file.rows(0, max_rows)):
            found = row_problem(row) or _mixed(row, kinds)
            if not found and template and count_tokens and max_prompt_length:
                found = length_problem(row, template, count_tokens, max_prompt_length)
            if found:
                yield FileProblem(found.kind, file.path.name, number, found.detail)


def type_problems(files: Sequence[VerlFile]) -> Iterator[FileProblem]:
    """Columns whose type in a file is another than in the first one: verl can't join them."""
    for file in files[1:]:
        for name, kind in file.types.items():
            first = files[0].types.get(name, kind)
            if kind != first:
                detail = f"column {name} is {kind}, in {files[0].path.name} {first}"
                yield FileProblem("mixed_types", file.path.name, None, detail)


def row_problem(row: Mapping[str, Any]) -> RowProblem | None:
    """The first thing that is wrong with a row; None where nothing is."""
    prompt = row.get("prompt")
    if isinstance(prompt, str):
        return RowProblem("string_prompt", f"the prompt is text, not a chat: {prompt[:80]!r}")
    messages = prompt if isinstance(prompt, list) else []
    if not messages or not all(map(_is_message, messages)):
        return RowProblem(
            "bad_prompt", f"the prompt is no list of role and content: {prompt!r:.80}"
        )
    return _chat_problem(messages) or _reference_problem(row, messages) or _beside_problem(row)


def length_problem(
    row: Mapping[str, Any], template: ChatTemplate, count_tokens: Callable[[str], int], limit: int
) -> RowProblem | None:
    """Whether verl would cut the prompt of a row that is right otherwise."""
    try:
        length = count_tokens(template.text(row["prompt"]))
    except RejectError as error:
        return RowProblem(error.reason.value, error.detail)
    if length <= limit:
        return None
    return RowProblem("too_long", f"{length} tokens, cut from the left to {limit}")


def _chat_problem(messages: Sequence[Mapping[str, Any]]) -> RowProblem | None:
    for message in messages:
        found = occurrences(message["content"], (*SYSTEM_MARKERS, *TURN_MARKERS))
        if found:
            detail = f"the {message['role']} message carries {found[0]}: templated twice"
            return RowProblem("template_twice", detail)
    if messages[-1]["role"] != "user":
        detail = (
            f"the last message is the {messages[-1]['role']}'s: {messages[-1]['content']!r:.80}"
        )
        return RowProblem("trailing_turn", detail)
    if not messages[-1]["content"].strip():
        return RowProblem("empty_prompt", "the last message has no text")
    return None


def _reference_problem(
    row: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]
) -> RowProblem | None:
    reward = row.get("reward_model")
    if not isinstance(reward, Mapping) or reward.get("ground_truth") is None:
        return RowProblem("missing_answer", "no reward_model.ground_truth")
    try:
        label = extract_label(reward["ground_truth"], _WHOLE).text
        check_leak(Record(Prompt(messages[-1]["content"]), label=label))
    except NoAnswerError as error:
        return RowProblem(error.fault.value, error.detail)
    except RejectError as error:
        return RowProblem(error.reason.value, error.detail)
    return None


def _beside_problem(row: Mapping[str, Any]) -> RowProblem | None:
    extra = row.get("extra_info")
    beside = {**row, **(extra if isinstance(extra, Mapping) else {})}
    found = [name for name in SOLUTION_KEYS if isinstance(beside.get(name), str) and beside[name]]
    if found:
        return RowProblem("solution_beside", f"{found[0]} holds {beside[found[0]]!r:.80}")
    return None


def _mixed(row: Mapping[str, Any], kinds: dict[str, str]) -> RowProblem | None:
    """A reference of another type than that of the first row of the same source."""
    source = str(row.get("data_source"))
    truth = row["reward_model"]["ground_truth"]
    kind, first = type(truth).__name__, kinds.setdefault(source, type(truth).__name__)
    if kind == first:
        return None
    return RowProblem("mixed_references", f"ground_truth is {kind}, before it was {first}")


def _is_message(message: Any) -> bool:
    if not isinstance(message, Mapping):
        return False
    return all(isinstance(message.get(name), str) for name in ("role", "content"))
