"""The data of a verl run: its parquet files where they are here, their names otherwise.

Covers: data sources, what prompts ask for, the verifiers of ours that score them.
Does not cover: files on other machines beyond their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.responses.response_parts import ANSWER_LINE, BOX, HASH_LINE
from mindspeed_rl_ext.core.rules import Place
from mindspeed_rl_ext.doctor.readers.chat_files import SUFFIX, ChatFiles, read_chat_files
from mindspeed_rl_ext.doctor.readers.rewards.prompts import DataHint, parts_asked
from mindspeed_rl_ext.doctor.readers.rewards.scoring import ScoredPrompts
from mindspeed_rl_ext.doctor.readers.verl.known import OPEN_TABLES
from mindspeed_rl_ext.doctor.readers.verl.run import VerlRun

FILES, VALIDATION, MAX_ROWS = "data.train_files", "data.val_files", 200
COLUMNS = ("data_source", "prompt", "reward_model", "extra_info")
# What verl's own preprocessing of a data set asks for, by the names that it gives its files: others
# write other prompts, ours among them.
_FILE = r"/(?:train|test)\.parquet$"
_BY_NAME = (
    ("GSM8K", re.compile(rf"gsm8k\w*{_FILE}", re.I), frozenset({HASH_LINE})),
    ("DAPO-Math-17k", re.compile(r"dapo", re.I), frozenset({ANSWER_LINE})),
    ("MATH", re.compile(rf"(?:^|/)math(?:[-_]?500)?{_FILE}", re.I), frozenset({BOX})),
)


@dataclass(frozen=True)
class VerlData:
    """The first rows of a run's training files.

    Args:
        run: the run.
        rows: the first rows.
        path: the file.
        place: where it is named.
    """

    label: ClassVar[Text] = Text("data of a verl script", "verl 脚本的数据")

    run: VerlRun
    rows: tuple[Mapping[str, Any], ...]
    path: str
    place: Place

    @property
    def sources(self) -> tuple[str, ...]:
        """The values of data_source."""
        return tuple(sorted({str(row.get("data_source")) for row in self.rows}))


def prompts_of_verl(run: VerlRun) -> Iterator[VerlData | ScoredPrompts]:
    """What rules look at in the data of a run."""
    names = _verifiers(run)
    for path in _paths(run):
        rows = _rows(Path(path))
        if rows is not None:
            yield VerlData(run, tuple(rows), path, run.place(FILES))
        if names:
            hint = _hint(path, rows)
            yield ScoredPrompts(names, run.place(FILES), {}, hint)


def chats_of_verl(run: VerlRun, model: Path | None, longest: int | None) -> Iterator[ChatFiles]:
    """The Parquet files of a run that are here, those of training and of validation apart.

    Args:
        run: the run.
        model: a HuggingFace directory, whose tokenizer measures prompts; None measures none.
        longest: the longest prompt in tokens; the run's where None.
    """
    for key in (FILES, VALIDATION):
        here = [Path(path) for path in _paths(run, key) if _is_here(Path(path))]
        if here and find_spec("pyarrow") is not None:
            yield read_chat_files(
                here,
                run.place(key),
                model=model,
                max_prompt_length=longest or run.number("data.max_prompt_length"),
                drops=run.flag("data.filter_overlong_prompts") is not False,
            )


def _paths(run: VerlRun, key: str = FILES) -> list[str]:
    value = run.get(key)
    paths = value if isinstance(value, list) else [value]
    return [str(path) for path in paths if isinstance(path, str)]


def _verifiers(run: VerlRun) -> list[str]:
    """The verifiers of ours that the overrides name for every data source."""
    for table in OPEN_TABLES:
        value = run.get(f"{table}.verifiers")
        if isinstance(value, list):
            return [str(name) for name in value]
    return []


def _is_here(path: Path) -> bool:
    return path.suffix == SUFFIX and path.is_file()


def _rows(path: Path) -> list[dict[str, Any]] | None:
    """The first rows of a parquet file; None where it is not here, or can't be read."""
    if not _is_here(path):
        return None
    try:
        import pyarrow
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            columns = [name for name in COLUMNS if name in file.schema_arrow.names]
            batch = next(file.iter_batches(MAX_ROWS, columns=columns), None)
    except ImportError:
        return None
    except (OSError, pyarrow.ArrowException):
        return None  # `chats_of_verl` says what is wrong with it
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
