"""One row of a data set, in the words of this package, and the reasons to drop it.

Covers: `Prompt`, all that may become prompt tokens; `Record`, a prompt with the reference answer
beside it; `Reason` and `RejectError`, why a row can't be used; `Row` and `Source`, which readers
give.
Does not cover: how a row becomes a record; `columns` does. The encoder takes a `Prompt`, which has
no field for the last response, so a response can't reach `input_ids`.

Example:
    >>> Prompt("How many?").history
    ()
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple

from mindspeed_rl_ext.core.responses.answers import AnswerFault, NoAnswerError


class Reason(str, Enum):
    """Why a row is dropped; the value is what the report and the rejects file say."""

    EMPTY_PROMPT = "empty_prompt"
    BAD_PROMPT = "bad_prompt"
    BAD_SYSTEM = "bad_system"
    BAD_HISTORY = "bad_history"
    BAD_COLUMN = "bad_column"
    BAD_TEXT = "bad_text"
    TOOLS = "tools"
    MISSING_ANSWER = AnswerFault.MISSING.value
    EMPTY_ANSWER = AnswerFault.EMPTY.value
    BAD_ANSWER = AnswerFault.UNUSABLE.value
    ANSWER_NOT_FOUND = AnswerFault.NOT_FOUND.value
    EXTRACTOR_TIMEOUT = AnswerFault.TIMEOUT.value
    LABEL_NOT_LOSSLESS = "label_not_lossless"
    SECOND_SYSTEM_BLOCK = "second_system_block"
    ANSWER_IN_PROMPT = "answer_in_prompt"
    TOO_LONG = "too_long"
    DUPLICATE = "duplicate"
    DUPLICATE_OTHER_ANSWER = "duplicate_other_answer"
    NOT_MASKED = "not_masked"


class RejectError(Exception):
    """A row can't be used.

    Args:
        reason: the code that is counted.
        detail: what was found, for the rejects file.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason, self.detail = reason, detail

    @classmethod
    def without_answer(cls, error: NoAnswerError) -> RejectError:
        """The reject of a row whose column gives no reference answer."""
        return cls(Reason(error.fault.value), error.detail)


class Prompt(NamedTuple):
    """All that the encoder sees.

    Args:
        text: the last user turn.
        system: the system prompt; "" leaves the template's default in place.
        history: earlier turns, each (user, assistant).
    """

    text: str
    system: str = ""
    history: tuple[tuple[str, str], ...] = ()

    def texts(self) -> list[str]:
        """Every text that becomes tokens."""
        if not self.history:
            return [self.system, self.text]
        return [self.system, *(text for turn in self.history for text in turn), self.text]


class Record(NamedTuple):
    """One usable row.

    Args:
        prompt: what the model will see.
        response: the response column as the text it was, "" where there is none; never encoded.
        label: the reference answer, None where map-keys names no response.
        label_from: which extractor took it.
        columns: the additional columns, as text.
    """

    prompt: Prompt
    response: str = ""
    label: str | None = None
    label_from: str = ""
    columns: Mapping[str, str] = MappingProxyType({})


class Row(NamedTuple):
    """One row as it was read.

    Args:
        line: where it begins: the line of a text file, counted from 1; the row of a Parquet file.
        data: the columns.
        done: how much of the source has been read, in the source's unit.
        file: the file, where the source is a directory.
    """

    line: int
    data: dict[str, Any]
    done: int = 0
    file: str = ""

    def place(self) -> str:
        """Where it is, for messages."""
        return f"{self.file}, line {self.line}" if self.file else f"line {self.line}"


@dataclass(frozen=True)
class Source:
    """A place that rows come from.

    Args:
        name: for messages.
        rows: the rows, once.
        total: how much there is, in `unit`.
        unit: "B" for bytes, "row" for rows.
    """

    name: str
    rows: Iterator[Row]
    total: int
    unit: str
