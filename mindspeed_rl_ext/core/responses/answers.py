r"""Reference answers: the one canonical text of a value, and the one extraction out of a text.

Covers: `canonical_text`, numbers, lists and objects as compact canonical JSON; an integral float is
written without its `.0`, since Parquet and CSV readers turn a column of integers with one gap into
floats. `extract_label`, what `--label-extractor` of `preprocess` and of `score --check-references`
takes out of a column:

- `auto`: the text after `####` in the last line, else the last closed box, else a short line as
  it is;
- `none`: the response as it is, as the hosts do;
- `gsm8k`, `boxed`, `last-number`, `regex:PATTERN`: that one, and an error where it finds nothing.

A `reward_model` object gives its `ground_truth`, a list of one text that text. Thousands commas of
`gsm8k` and `last-number` are removed: the verifiers compare numbers, and `1,234` also reads as a
pair.
Does not cover: whether an answer is right; reading the answer of a response, verifiers do.

Example:
    >>> canonical_text(72.0), canonical_text({"target": 49, "numbers": [44, 43.0]})
    ('72', '{"numbers":[44,43],"target":49}')
    >>> extract_label("6 * 12 = 72\n#### 1,072", parse_extractor("auto"))
    Label(text='1072', found_by='gsm8k')
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from mindspeed_rl_ext.core.errors import InputError, MissingExtraError, nearest, shorten
from mindspeed_rl_ext.core.responses.text import find_boxes, last_boxed, last_number

GSM8K_MARK = "####"
RAW_MAX_CHARS = 256
REGEX_TIMEOUT_S = 1.0
# Beyond it floats leave out integers: an integral one need not be the integer that was meant.
EXACT_FLOAT_LIMIT = 2.0**53
_COMMA_NUMBER = re.compile(r"[^\s\d]?[-+]?[^\s\d]?\d{1,3}(?:,\d{3})+(?:\.\d+)?%?")

# What an extractor finds in a text, None where it finds nothing.
Find = Callable[[str], "str | None"]


class AnswerFault(str, Enum):
    """Why a column gives no reference answer."""

    MISSING = "missing_answer"
    EMPTY = "empty_answer"
    UNUSABLE = "bad_answer"
    NOT_FOUND = "answer_not_found"
    TIMEOUT = "extractor_timeout"


class NoAnswerError(Exception):
    """A column gives no reference answer.

    Args:
        fault: the kind that is counted.
        detail: what was found.
    """

    def __init__(self, fault: AnswerFault, detail: str) -> None:
        super().__init__(f"{fault.value}: {detail}")
        self.fault, self.detail = fault, detail


class Label(NamedTuple):
    """A reference answer and the extractor that took it."""

    text: str
    found_by: str


@dataclass(frozen=True)
class Extractor:
    """A parsed `--label-extractor`: the finders to try, in order, by name."""

    name: str
    finders: tuple[tuple[str, Find], ...]


def canonical_text(value: Any) -> str:
    """The text of a reference answer that verifiers read; a string stays as it is.

    Args:
        value: a JSON value, or a numpy scalar or array.

    Raises:
        ValueError: not finite, or of a type that JSON can't write.

    Example:
        >>> canonical_text({"target": 49, "numbers": [44, 43, 48]})
        '{"numbers":[44,43,48],"target":49}'
        >>> canonical_text(72), canonical_text(72.0), canonical_text("72.0")
        ('72', '72', '72.0')
    """
    if isinstance(value, str):
        return value
    try:
        return json.dumps(
            _plain(value),
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
        )
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _plain(value: Any) -> Any:
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value) if abs(value) < EXACT_FLOAT_LIMIT else value
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy's; hosts hand columns over as arrays of objects
        return _plain(value.tolist())
    return value


def parse_extractor(name: str) -> Extractor:
    """Reads the value of `--label-extractor`.

    Raises:
        InputError: an unknown name, or a pattern that does not compile.
        MissingExtraError: `regex:` without the regex package.
    """
    kind, colon, pattern = name.partition(":")
    if colon and kind == "regex":
        return Extractor(name, (("regex", _regex_finder(pattern)),))
    if name not in EXTRACTORS:
        raise InputError(
            f"unknown label extractor {name!r}",
            expected=", ".join([*EXTRACTORS, "regex:PATTERN"]),
            remedy=nearest(name, EXTRACTORS),
        )
    return EXTRACTORS[name]


def response_text(raw: Any) -> str:
    """The response column as the text it is, for checks; "" where it is not text."""
    inner = _unwrap(raw)
    return inner if isinstance(inner, str) else ""


def extract_label(raw: Any, extractor: Extractor) -> Label:
    """Takes the reference answer out of the response column.

    Args:
        raw: the value of the column.
        extractor: what to look for in a text.

    Raises:
        NoAnswerError: null, empty, not finite, or nothing found.
    """
    value = _unwrap(raw)
    if value is None:
        raise NoAnswerError(AnswerFault.MISSING, "the response column is null or missing")
    if not isinstance(value, str):
        return Label(_value_text(value), "value")
    if not value.strip():
        raise NoAnswerError(AnswerFault.EMPTY, "the response column is empty")
    for name, find in extractor.finders:
        found = find(value)
        if found is not None:
            if not found.strip():
                raise NoAnswerError(AnswerFault.EMPTY, f"{name} found an empty answer")
            return Label(found, name)
    raise NoAnswerError(
        AnswerFault.NOT_FOUND, f"{extractor.name} found no answer in {shorten(value)!r}"
    )


def _unwrap(raw: Any) -> Any:
    """Takes the answer out of the wrappings that data sets and hosts put around it."""
    while not isinstance(raw, str):
        if isinstance(raw, Mapping) and "ground_truth" in raw:
            raw = raw["ground_truth"]
        elif isinstance(raw, Mapping) and raw.get("role") == "assistant" and "content" in raw:
            raw = raw["content"]
        elif isinstance(raw, list) and len(raw) == 1 and isinstance(raw[0], str | Mapping):
            if isinstance(raw[0], Mapping) and raw[0].get("role") != "assistant":
                return raw
            raw = raw[0]
        else:
            break
    return raw


def _value_text(value: Any) -> str:
    if isinstance(value, list | tuple | Mapping) and not value:
        raise NoAnswerError(AnswerFault.EMPTY, f"the response column is {value!r}")
    try:
        return canonical_text(value)
    except ValueError as error:
        raise NoAnswerError(AnswerFault.UNUSABLE, f"{value!r:.80}: {error}") from error


def _after_mark(text: str) -> str | None:
    _, mark, rest = text.rpartition(GSM8K_MARK)
    if not mark:
        return None
    lines = rest.strip().splitlines()
    return _without_commas(lines[0].strip()) if lines else ""


def _final_mark(text: str) -> str | None:
    """The mark in the last line; elsewhere it may be a heading of the solution."""
    body = text.rstrip()
    return _after_mark(body) if GSM8K_MARK in body[body.rfind("\n") + 1 :] else None


def _last_number(text: str) -> str | None:
    number = last_number(text)
    return None if number is None else _without_commas(number)


def _whole(text: str) -> str | None:
    return text


def _short_line(text: str) -> str | None:
    """A raw answer: one line, not long; a box that is never closed is no raw answer."""
    line = text.strip()
    if "\n" in line or len(line) > RAW_MAX_CHARS or find_boxes(line):
        return None
    return line


def _without_commas(text: str) -> str:
    return text.replace(",", "") if _COMMA_NUMBER.fullmatch(text) else text


def _regex_finder(pattern: str) -> Find:
    try:
        import regex
    except ImportError as error:
        raise MissingExtraError("regex", "data", "--label-extractor regex:") from error
    try:
        compiled = regex.compile(pattern)
    except regex.error as error:
        raise InputError(
            "--label-extractor: the pattern does not compile",
            found=f"{pattern} ({error})",
            remedy="fix the pattern; the last match counts, its first group where it has one",
        ) from error

    def find(text: str) -> str | None:
        try:
            matches = deque(compiled.finditer(text, timeout=REGEX_TIMEOUT_S), maxlen=1)
        except TimeoutError as error:
            raise NoAnswerError(
                AnswerFault.TIMEOUT, f"the pattern ran longer than {REGEX_TIMEOUT_S} s"
            ) from error
        if not matches:
            return None
        return str(matches[0][1 if compiled.groups else 0] or "").strip()

    return find


_GSM8K: tuple[str, Find] = ("gsm8k", _after_mark)
_BOXED: tuple[str, Find] = ("boxed", last_boxed)

EXTRACTORS = {
    "auto": Extractor("auto", (("gsm8k", _final_mark), _BOXED, ("raw", _short_line))),
    "none": Extractor("none", (("none", _whole),)),
    "gsm8k": Extractor("gsm8k", (_GSM8K,)),
    "boxed": Extractor("boxed", (_BOXED,)),
    "last-number": Extractor("last-number", (("last-number", _last_number),)),
}
