"""What verl writes: lines on the console, and dumps of rollouts and validation.

Covers: `step:3 - actor/entropy:0.5 - ...` with anything before it (Ray's prefix); the folders of
`trainer.rollout_data_dir` and `trainer.validation_data_dir` (`<step>.jsonl`), with the columns that
the reward manager `msrl_ext` adds; padding rows, which V1 puts in the place of rows that failed.
Does not cover: `logger: file`, one JSON object per line, which `metrics_file` reads; tensorboard.

Example:
    >>> row = {"input": "1+1?", "output": "2", "gts": "2", "score": 1.0, "step": 3, "uid": "a_0_0"}
    >>> rollout = to_rollout(row, "line 1")
    >>> rollout.response, rollout.group, rollout.reward
    ('2', 'a', 1.0)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.responses.rollouts import Rollout, from_row

# A uid of this kind is no response of the policy.
PADDING = "pad"
_LINE = re.compile(rb"(?:^|\s)step:(\d{1,18}) - (?=[^\s:]+:)")
# numpy 2 prints its numbers so.
_NUMPY = re.compile(r"np\.\w+\((.*)\)")
_SCORE, _OUTCOME = "_score", "_outcome"


def console_step(line: bytes) -> tuple[int, dict[str, float]] | None:
    """Step and numbers of a console line; None where it is no line of verl's logger.

    Raises:
        ValueError: a part of the line is no name and number.

    Example:
        >>> console_step(b"(Runner pid=7) step:3 - actor/entropy:0.5 - lr:np.float64(1e-06)\\n")
        (3, {'actor/entropy': 0.5, 'lr': 1e-06})
    """
    found = _LINE.search(line)
    if found is None:
        return None
    values: dict[str, float] = {}
    for part in line[found.end() :].decode("utf-8", "replace").strip().split(" - "):
        name, colon, text = part.rpartition(":")
        number = _NUMPY.fullmatch(text.strip())
        try:
            values[name.strip()] = float(number[1] if number else text)
        except ValueError:
            colon = ""
        if not colon or not name.strip():
            raise ValueError(f"{part.strip()[:40]!r} is no name and number")
    return int(found[1]), values


def dump_files(folder: Path) -> list[Path]:
    """The dumps of a folder in the order of their steps; empty where it holds none."""
    files = [path for path in folder.glob("*.jsonl") if path.stem.isdecimal()]
    return sorted((path for path in files if _is_dump(path)), key=lambda path: int(path.stem))


def _is_dump(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.readline(1 << 16)
    return b'"input":' in head and b'"output":' in head and b'"score":' in head


def dump_lines(files: list[Path]) -> Iterator[tuple[str, bytes]]:
    """Every line of some dumps, with its place."""
    for path in files:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                yield f"{path.name}, line {number}", line


def is_padding(row: Mapping[str, Any]) -> bool:
    """Whether a row of a dump stands in the place of one that failed."""
    return str(row.get("uid") or "").startswith(PADDING)


def to_rollout(row: Mapping[str, Any], place: str) -> Rollout:
    """A row of a dump as a rollout.

    Args:
        row: the JSON object.
        place: file and line, for messages.

    Raises:
        InputError: no response, or a column of a wrong type.
    """
    if "output" not in row:
        raise InputError(f"{place} has no column 'output'", found=", ".join(sorted(row)))
    uid = str(row["uid"]) if row.get("uid") is not None else None
    parts = uid.rsplit("_", 2) if uid else []
    return from_row(
        {
            "response": row["output"],
            "answer": "" if row.get("gts") is None else row["gts"],
            "prompt": row.get("input"),
            "id": uid,
            "group": parts[0] if len(parts) == 3 else row.get("input"),
            "step": row.get("step"),
            "reward": row.get("score"),
            "verdicts": _verdicts(row),
        },
        place,
        default_id=place,
    )


def _verdicts(row: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By the columns `NAME_score` and `NAME_outcome`; the reason is that of the first verifier."""
    names = [key.removesuffix(_OUTCOME) for key in row if key.endswith(_OUTCOME)]
    scored = [name for name in names if row[name + _OUTCOME] and name + _SCORE in row]
    return {
        name: {
            "score": row[name + _SCORE],
            "outcome": row[name + _OUTCOME],
            "reason": str(row.get("reason") or "") if name == scored[0] else "",
        }
        for name in scored
    }
