"""What a training prints: MindSpeed-RL, MindSpeed-LLM (Feb 2025, Megatron), and TRL.

Covers: `... iteration: 3 / 100 | timing/all : 12.3 | actor/lr : 1.0e-06 | ...` with anything before
it (time, Ray's `(Trainer pid=1)`, colours), Megatron's ` iteration  3/ 100 | lm loss: 1.2 |`, and
the dictionaries that transformers' Trainer prints. Those tell no step and are numbered.
Does not cover: rollouts in a log, progress bars.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from mindspeed_rl_ext.report.sources.record import Broken, FileRead, Row, numbers_of

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
    steps: list[Row] = []
    printed: list[Row] = []
    broken = Broken()
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if b"iteration" in line:
                _add_step(line, number, steps, broken)
            elif b"{'" in line:
                _add_printed(line, number, printed, broken)
    if steps:
        return FileRead(path, "console log", steps, broken)
    return FileRead(path, "console log", printed, broken, numbered=True)


def _add_step(line: bytes, number: int, rows: list[Row], broken: Broken) -> None:
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
    values = _regular(text)
    if values is not None:
        rows.append((int(found[1]), values))
        return None
    values = {}
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
        rows.append((int(found[1]), values))
    return None


def _regular(text: str) -> dict[str, float] | None:
    """The numbers of a line whose every part is `name : number`; None for any other."""
    parts = text.replace(" : ", "|").split("|")
    if not parts[-1].strip():
        parts.pop()
    if not parts or len(parts) % 2 or text.count(" : ") != len(parts) // 2:
        return None
    try:
        numbers = list(map(float, parts[1::2]))
    except ValueError:
        return None
    return dict(zip(map(str.strip, parts[0::2]), numbers, strict=True))


def _add_unnamed(part: str, number: int, values: dict[str, float], broken: Broken) -> None:
    """A message with a step is no row of numbers; a row with half a number is broken."""
    if values:
        broken.add(number, f"{part.strip()[:40]!r} is no name and number")


def _is_timestamp(part: str) -> bool:
    """Megatron puts the time of day among the numbers."""
    return _TIME_OF_LINE.match(part) is not None


def _add_printed(line: bytes, number: int, rows: list[Row], broken: Broken) -> None:
    for found in _PRINTED.finditer(line):
        text = found[0].decode("utf-8", "replace").replace("'", '"')
        for bare, mended in _BARE.items():
            if bare in text:
                text = text.replace(bare, mended)
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
        rows.append((max(1, len(rows)) if is_eval else _next_step(rows), numbers))


def _next_step(rows: list[Row]) -> int:
    return rows[-1][0] + 1 if rows else 1
