"""The data of a verl run: its parquet files where they are here, their names otherwise.

Covers: data sources, what prompts ask for, the verifiers of ours that score them.
Does not cover: files on other machines beyond their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.response_parts import ANSWER_LINE, BOX, HASH_LINE
from mindspeed_rl_ext.core.rules import Place
from mindspeed_rl_ext.doctor.readers.rewards.prompts import DataHint, parts_asked
from mindspeed_rl_ext.doctor.readers.rewards.scoring import ScoredPrompts
from mindspeed_rl_ext.doctor.readers.verl.known import OPEN_TABLES
from mindspeed_rl_ext.doctor.readers.verl.run import VerlRun

FILES, MAX_ROWS = "data.train_files", 200
# What verl's own preprocessing of a data set asks for, by a name in the path.
_BY_NAME = (
    ("GSM8K", re.compile(r"gsm8k", re.I), frozenset({HASH_LINE})),
    ("DAPO-Math-17k", re.compile(r"dapo", re.I), frozenset({ANSWER_LINE})),
    ("MATH", re.compile(r"(?:^|/)math(?:/|[-_]?500|$)", re.I), frozenset({BOX})),
)


@dataclass(frozen=True)
class VerlData:
    """The first rows of a run's training files.

    Args:
        run: the run.
        sources: their values of data_source.
        path: the file.
        place: where it is named.
    """

    label: ClassVar[Text] = Text("data of a verl script", "verl 脚本的数据")

    run: VerlRun
    sources: tuple[str, ...]
    path: str
    place: Place


def prompts_of_verl(run: VerlRun) -> Iterator[VerlData | ScoredPrompts]:
    """What rules look at in the data of a run."""
    names = _verifiers(run)
    for path in _paths(run):
        rows = _rows(Path(path))
        if rows is not None:
            sources = tuple(sorted({str(row.get("data_source")) for row in rows}))
            yield VerlData(run, sources, path, run.place(FILES))
        if names:
            hint = _hint(path, rows)
            yield ScoredPrompts(names, run.place(FILES), {}, hint)


def _paths(run: VerlRun) -> list[str]:
    value = run.get(FILES)
    paths = value if isinstance(value, list) else [value]
    return [str(path) for path in paths if isinstance(path, str)]


def _verifiers(run: VerlRun) -> list[str]:
    """The verifiers of ours that the overrides name for every data source."""
    for table in OPEN_TABLES:
        value = run.get(f"{table}.verifiers")
        if isinstance(value, list):
            return [str(name) for name in value]
    return []


def _rows(path: Path) -> list[dict[str, Any]] | None:
    """The first rows of a parquet file; None where it is not here, or can't be read."""
    if path.suffix != ".parquet" or not path.is_file():
        return None
    try:
        import pyarrow
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            columns = [c for c in ("data_source", "prompt") if c in file.schema_arrow.names]
            batch = next(file.iter_batches(MAX_ROWS, columns=columns), None)
    except ImportError:
        return None
    except (OSError, pyarrow.ArrowException):
        return None  # `--data` and `preview` say what is wrong with it
    return [] if batch is None else list(batch.to_pylist())


def _hint(path: str, rows: list[dict[str, Any]] | None) -> DataHint:
    for row in rows or ():
        prompt = row.get("prompt")
        turns = prompt if isinstance(prompt, list) else [{"content": prompt}]
        asked = parts_asked("\n".join(str(turn.get("content", "")) for turn in turns))
        if asked:
            return DataHint("", asked, path)
    name, asks = next(
        ((name, asks) for name, pattern, asks in _BY_NAME if pattern.search(path)), ("", None)
    )
    return DataHint(name, asks, f"{path} (as verl prepares {name})" if name else "")
