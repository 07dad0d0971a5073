"""All options of a run, in one frozen object, and their names in the environment.

Covers: defaults, checks of values, the `MSRL_EXT_*` variables through which options reach the
handler inside a host's script, whose parser does not know them.
Does not cover: flags and YAML; `flags` and `dataset_config` read those into these options.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.packing.packed import part_prefix

ENVIRONMENT_PREFIX = "MSRL_EXT_"
LABELS = "labels"
TRUE_WORDS, FALSE_WORDS = ("1", "true", "yes"), ("", "0", "false", "no")


@dataclass(frozen=True)
class PreprocessOptions:
    """What to preprocess, and how.

    Args:
        input: the data file or directory.
        tokenizer_name_or_path: directory of the tokenizer.
        output_prefix: the files are `<prefix>_packed_<key>_document.{bin,idx}`.
        prompt_type: name of the template.
        prompt_type_path: a templates.json of the host's schema; the shipped one where None.
        map_keys: column by role, "" where a role has none; the Alpaca names where None.
        derive: columns to make of other columns, before map_keys is applied.
        dataset_additional_keys: further columns to pack, as text; `labels` is made anyway.
        label_extractor: how the answer is taken out of the response column.
        max_prompt_length: longest prompt to keep, in tokens.
        seq_length: prompts of that many tokens or more are dropped, as the hosts do.
        dedupe: drop rows whose prompt came before.
        shuffle: mix the rows at the end, by `seed`.
        seed: what `shuffle` and `split` depend on.
        split: fraction of the prompts to hold out, packed under `<prefix>_heldout`.
        shard: (i, n): pack the i-th of n parts, counted from 1; `merge` joins them.
        n_subs: processes that pack a part each.
        overwrite: replace the files of an earlier run.
        workers: threads of the tokenizer, 0 for all cores.
        log_interval: rows between two log lines, 0 for none.
    """

    input: Path
    tokenizer_name_or_path: str
    output_prefix: Path
    prompt_type: str = "empty"
    prompt_type_path: str | None = None
    map_keys: Mapping[str, Any] | None = None
    derive: Mapping[str, Any] | str | None = None
    dataset_additional_keys: tuple[str, ...] = field(default=())
    label_extractor: str = "auto"
    max_prompt_length: int | None = None
    seq_length: int | None = None
    dedupe: bool = False
    shuffle: bool = False
    seed: int = 0
    split: float | None = None
    shard: tuple[int, int] | None = None
    n_subs: int = 1
    overwrite: bool = False
    workers: int = 0
    log_interval: int = 0

    def __post_init__(self) -> None:
        for name in ("max_prompt_length", "seq_length"):
            limit = getattr(self, name)
            if limit is not None and limit < 1:
                raise InputError(f"{name} must be at least 1", found=str(limit))
        if self.workers < 0:
            raise InputError("workers must not be negative", found=str(self.workers))
        self._check_parts()
        if not Path(self.output_prefix).name:
            raise InputError(
                "the output prefix has no name", expected="a path such as ./dataset/gsm8k"
            )

    def _check_parts(self) -> None:
        if self.split is not None and not 0 < self.split < 1:
            raise InputError(
                "split is not a fraction", found=str(self.split), expected="between 0 and 1"
            )
        if self.n_subs < 1:
            raise InputError("n_subs must be at least 1", found=str(self.n_subs))
        if self.shard is None:
            return
        index, of = self.shard
        if not 1 <= index <= of:
            raise InputError(
                "no such shard", found=f"{index}/{of}", expected=f"1/{of} to {of}/{of}"
            )
        if self.shuffle or self.n_subs > 1:
            raise InputError(
                f"shard and {'shuffle' if self.shuffle else 'n_subs'} do not go together",
                remedy="shuffle when the parts are joined: msrl-ext merge --shuffle --seed N"
                if self.shuffle
                else "give more shards",
            )

    def part_prefix(self) -> Path:
        """The prefix of this run's files: that of its part where it packs one shard."""
        prefix = Path(self.output_prefix)
        return part_prefix(prefix, *self.shard) if self.shard else prefix

    def additional(self) -> tuple[str, ...]:
        """The additional columns, without `labels`, each once."""
        return tuple(dict.fromkeys(k for k in self.dataset_additional_keys if k != LABELS))


def parse_shard(text: str) -> tuple[int, int]:
    """Reads the value of `--shard`.

    Raises:
        InputError: it is not `i/n`.

    Example:
        >>> parse_shard("2/4")
        (2, 4)
    """
    index, slash, of = text.partition("/")
    if not (slash and index.isdecimal() and of.isdecimal()):
        raise InputError("--shard can't be read", found=text, expected="i/n, such as 1/4")
    return int(index), int(of)


def _flag(text: str) -> bool:
    if text.lower() not in TRUE_WORDS + FALSE_WORDS:
        raise ValueError(f"{text!r} is neither of {', '.join(TRUE_WORDS + FALSE_WORDS[1:])}")
    return text.lower() in TRUE_WORDS


# Options that no host's parser knows, and prompt_type, whose values a host's parser limits.
ENVIRONMENT_OPTIONS: dict[str, Callable[[str], Any]] = {
    "prompt_type": str,
    "prompt_type_path": str,
    "derive": str,
    "label_extractor": str,
    "max_prompt_length": int,
    "dedupe": _flag,
    "shuffle": _flag,
    "seed": int,
    "split": float,
    "overwrite": _flag,
}


def options_from_environment(environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Reads the options that `MSRL_EXT_*` variables set.

    Args:
        environment: the process's where None.

    Raises:
        InputError: a value of the wrong type.

    Example:
        >>> options_from_environment({"MSRL_EXT_MAX_PROMPT_LENGTH": "1024"})
        {'max_prompt_length': 1024}
    """
    table = os.environ if environment is None else environment
    found: dict[str, Any] = {}
    for name, parse in ENVIRONMENT_OPTIONS.items():
        variable = ENVIRONMENT_PREFIX + name.upper()
        if table.get(variable):
            try:
                found[name] = parse(table[variable])
            except ValueError as error:
                raise InputError(f"{variable} can't be read", found=str(error)) from error
    return found
