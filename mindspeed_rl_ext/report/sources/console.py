"""What a training prints: MindSpeed-RL, MindSpeed-LLM (Feb 2025, Megatron), verl, and TRL.

Covers: `... iteration: 3 / 100 | timing/all : 12.3 | actor/lr : 1.0e-06 | ...` with anything before
it (time, Ray's `(Trainer pid=1)`, colours), Megatron's ` iteration  3/ 100 | lm loss: 1.2 |`, and
the dictionaries that transformers' Trainer prints. Those name no step and are numbered.
Does not cover: rollouts in a log, progress bars.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path

from mindspeed_rl_ext.report.sources.record import Broken, FileRead, numbers_of
from mindspeed_rl_ext.report.sources.rows import Rows
from mindspeed_rl_ext.report.sources.verl import console_step

_STEP = re.compile(rb"iteration:?\s+(\d{1,18})\s*/\s*\d+\s*\|")
_COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
_PRINTED = re.compile(rb"\{'[^{}]*\}")
# A dictionary that a Trainer printed has one of these; any other is not a step.
_TRAINER_KEYS = ("epoch", "loss", "reward", "learning_rate")
_SUMMARY = "train_runtime"
_BARE = {": nan": ": NaN", ": inf": ": Infinity", ": -inf": ": -Infinity", ": None": ": null"}
_TIME_OF_LINE = re.compile(r"^[\s\[]*\d{4}-\d\d-\d\d")


def read_console_log(path: Path) -> FileRead:
    """Reads the steps of a log; lines that are no step are passed over.

    Args:
        path: a text file; it may hold any other text, also in other encodings.
    """
    steps = Rows()
    printed = Rows()
    broken = Broken()
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if b"iteration" in line:
                _add_step(line, number, steps, broken)
            elif b"step:" in line:
                _add_verl(line, number, steps, broken)
            elif b"{'" in line:
                _add_printed(line, number, printed, broken)
    if steps:
        return FileRead(path, "console log", steps, broken)
    return FileRead(path, "console log", printed, broken, numbered=True)


def _add_step(line: bytes, number: int, rows: Rows, broken: Broken) -> None:
    found = _STEP.search(line)
    if found is None:
        return None
    if not line.endswith(b"\n"):
        # Half of a number reads as another number.
        broken.add(number, "the last line has no end: it is still being written")
        return None
    raw = line[found.end() :]
    if b"\x1b" in raw:
        raw = _COLOUR.sub(b"", raw)
    text = raw.decode("utf-8", "replace")
    regular = _regular(text)
    if regular is not None:
        rows.add_named(int(found[1]), *regular)
        return None
    values: dict[str, float] = {}
    for part in text.split("|"):
        name, colon, value = part.rpartition(":")
        if not colon:
            if part.strip():
                return _add_unnamed(part, number, values, broken)
            continue
        try:
            values[name.strip()] = float(value)
        except ValueError:
            if _is_timestamp(part):
                continue
            broken.add(number, f"{part.strip()[:40]!r} is no name and number")
            return None
    if values:
        rows.add(int(found[1]), values)
    return None


def _add_verl(line: bytes, number: int, rows: Rows, broken: Broken) -> None:
    try:
        found = console_step(_COLOUR.sub(b"", line))
    except ValueError as error:
        broken.add(number, str(error))
        return
    if found is None:
        return
    if not line.endswith(b"\n"):
        broken.add(number, "the last line has no end: it is still being written")
    elif found[1]:
        rows.add(*found)


def _regular(text: str) -> tuple[tuple[str, ...], list[float]] | None:
    """Names and numbers of a line whose every part is `name : number`; None for any other."""
    text = text.strip().removesuffix(" |")
    parts = text.replace(" : ", " | ").split(" | ")
    if len(parts) % 2 or text.count(" : ") != len(parts) // 2:
        return None
    try:
        numbers = list(map(float, parts[1::2]))
    except ValueError:
        return None
    names = _distinct(tuple(parts[0::2]))
    return None if names is None else (names, numbers)


# The lines of a log have the same names.
@lru_cache(maxsize=64)
def _distinct(parts: tuple[str, ...]) -> tuple[str, ...] | None:
    """Names without the space around them; None where one comes twice or holds a bar."""
    names = tuple(map(str.strip, parts))
    regular = len(set(names)) == len(names) and not any("|" in name for name in names)
    return names if regular else None


def _add_unnamed(part: str, number: int, values: dict[str, float], broken: Broken) -> None:
    """A message with a step is no row of numbers; a row with half a number is broken."""
    if values:
        broken.add(number, f"{part.strip()[:40]!r} is no name and number")


def _is_timestamp(part: str) -> bool:
    """Megatron puts the time of day among the numbers."""
    return _TIME_OF_LINE.match(part) is not None


def _add_printed(line: bytes, number: int, rows: Rows, broken: Broken) -> None:
    for found in _PRINTED.finditer(line):
        text = found[0].decode("utf-8", "replace").replace("'", '"')
        for bare, fixed in _BARE.items():
            if bare in text:
                text = text.replace(bare, fixed)
        try:
            values = json.loads(text)
        except ValueError:
            if any(f'"{key}":' in text for key in _TRAINER_KEYS):
                broken.add(number, "a printed log that is not readable")
            continue
        if _SUMMARY in values or not any(
            key.removeprefix("eval_") in _TRAINER_KEYS for key in values
        ):
            continue
        try:
            numbers = numbers_of(values)
        except ValueError as error:
            broken.add(number, str(error))
            continue
        # An evaluation belongs to the step before it.
        is_eval = any(name.startswith("eval_") for name in numbers)
        rows.add(max(1, len(rows)) if is_eval else (rows.last_step or 0) + 1, numbers)
