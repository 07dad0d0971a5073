"""`AlpacaStylePromptOnlyHandler`: the class that the hosts' preprocess_data.py can use by name.

Covers: the hosts' handler protocol (arguments, `serialize_to_disk`, `output_idx_files`) over the
same engine as `msrl-ext preprocess`, with the same bytes. Options that the host's parser does not
know come from `MSRL_EXT_*` variables.
Does not cover: registering the class in a host; the adapters do. No host is imported here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.host_flags import refuse_host_flags
from mindspeed_rl_ext.core.options import read_environment
from mindspeed_rl_ext.preprocess.dataset_config import HOST_FLAGS
from mindspeed_rl_ext.preprocess.engine import pack_rows
from mindspeed_rl_ext.preprocess.options import PreprocessOptions
from mindspeed_rl_ext.preprocess.packing.packed import key_file
from mindspeed_rl_ext.preprocess.pipeline import Pipeline
from mindspeed_rl_ext.preprocess.reading.map_keys import parse_map_keys
from mindspeed_rl_ext.preprocess.record import Row, Source
from mindspeed_rl_ext.preprocess.report import PreprocessReport
from mindspeed_rl_ext.preprocess.templates.chat_template import PROMPT_TYPE, ChatTemplate
from mindspeed_rl_ext.preprocess.templates.template import PromptTemplate, load_template
from mindspeed_rl_ext.preprocess.templates.tokenizer import wrap_transformers

logger = logging.getLogger(__name__)

# The columns of rows that a host has aligned already, for handlers on its own list.
ALIGNED = frozenset({"prompt", "response", "system", "tools"})
ALIGNED_KEYS = {role: role for role in ("prompt", "response", "system", "tools")}


class AlpacaStylePromptOnlyHandler:
    """Packs prompts, with the reference answer beside them.

    The name must contain `AlpacaStyle`: the hosts apply map-keys to such handlers only.

    Args:
        args: the host's parsed arguments.
        raw_datasets: rows, raw or aligned by the host; iterating gives mappings.
        tokenizer: the host's wrapper, whose `tokenizer` is the one of transformers.
        splitter: unused, part of the protocol.
    """

    def __init__(self, args: Any, raw_datasets: Any, tokenizer: Any, splitter: Any) -> None:
        self.args, self.raw_datasets = args, raw_datasets
        self.tokenizer, self.splitter = tokenizer, splitter
        self.output_idx_files: dict[str, str] = {}
        self.report: PreprocessReport | None = None
        aligned = list_columns(raw_datasets) >= ALIGNED
        self._options = options_from_host(args, aligned=aligned)
        self._template = _template(self._options, tokenizer.tokenizer)
        self._encoder = wrap_transformers(tokenizer.tokenizer)
        pipeline = Pipeline(self._options, self._template, self._encoder)
        self.args.json_keys = list(pipeline.packed_keys())

    def serialize_to_disk(self, iteration_batch_size: int = 50) -> None:
        """Writes the packed files, the report and the rejects.

        Args:
            iteration_batch_size: unused, part of the protocol.

        Raises:
            InputError: as `msrl-ext preprocess`; no file is left then.
        """
        source = Source(
            name=str(self.args.input),
            rows=_numbered(self.raw_datasets),
            total=len(self.raw_datasets) if hasattr(self.raw_datasets, "__len__") else 0,
            unit="row",
        )
        self.report = pack_rows(source, self._encoder, self._template, self._options)
        self.output_idx_files = {
            key: str(key_file(self._options.output_prefix, key, "idx")) for key in self.report.keys
        }
        logger.info(
            "%s: kept %d of %d rows, %d prompt tokens",
            type(self).__name__,
            self.report.kept,
            self.report.total,
            self.report.tokens,
        )


def options_from_host(args: Any, *, aligned: bool = False) -> PreprocessOptions:
    """The options of a run inside a host's script.

    Args:
        args: the host's arguments.
        aligned: whether the host has renamed the columns already.

    Raises:
        InputError: an argument of the host asks for what this handler does not do.
    """
    refuse_host_flags(args, HOST_FLAGS, "AlpacaStylePromptOnlyHandler")
    ours = read_environment(PreprocessOptions)
    for name, value in ours.items():
        logger.info("%s = %r, from MSRL_EXT_%s", name, value, name.upper())
    map_keys = ALIGNED_KEYS if aligned else args.map_keys
    theirs: dict[str, Any] = {
        "input": Path(args.input),
        "tokenizer_name_or_path": str(args.tokenizer_name_or_path),
        "output_prefix": Path(args.output_prefix),
        "prompt_type": (args.prompt_type or "empty").strip(),
        "prompt_type_path": args.prompt_type_path or None,
        "map_keys": None if map_keys is None else parse_map_keys(map_keys).named(),
        "dataset_additional_keys": tuple(args.dataset_additional_keys or ()),
        "seq_length": args.seq_length,
        "log_interval": args.log_interval or 0,
    }
    # What a host's adapter took out of its YAML, whose keys are a closed list there.
    in_yaml = {**getattr(args, "msrl_ext_options", {})}
    for name, value in in_yaml.items():
        logger.info("%s = %r, from the configuration", name, value)
    return PreprocessOptions(**{**theirs, **in_yaml, **ours})


def _template(options: PreprocessOptions, wrapped: Any) -> PromptTemplate:
    if options.prompt_type == PROMPT_TYPE:
        return ChatTemplate(wrapped)
    return load_template(options.prompt_type, options.prompt_type_path)


def list_columns(raw_datasets: Any) -> frozenset[str]:
    """The columns of a data set of the `datasets` library; empty where it does not tell."""
    return frozenset(getattr(raw_datasets, "column_names", None) or ())


def _numbered(rows: Iterable[Any]) -> Iterator[Row]:
    for number, row in enumerate(rows, start=1):
        yield Row(number, dict(row), number)
