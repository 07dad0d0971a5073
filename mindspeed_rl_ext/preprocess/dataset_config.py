"""The YAML of a data recipe, in the schema of MindSpeed-RL's configs/datasets.

Covers: the keys of that schema and our own; keys of the host that have no effect here are named,
unknown ones are refused with the nearest names.
Does not cover: hydra's interpolation and defaults lists.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.shipped import resolve_config
from mindspeed_rl_ext.core.yaml_file import read_yaml
from mindspeed_rl_ext.preprocess.options import parse_shard

logger = logging.getLogger(__name__)

# Keys of the schema, by the type of their value.
TEXT_KEYS = (
    "input",
    "tokenizer_name_or_path",
    "output_prefix",
    "prompt_type",
    "prompt_type_path",
    "handler_name",
    "label_extractor",
    "shard",
)
NUMBER_KEYS = ("max_prompt_length", "seq_length", "workers", "n_subs", "log_interval", "seed")
FLAG_KEYS = ("dedupe", "shuffle", "overwrite")
OTHER_KEYS = ("map_keys", "derive", "dataset_additional_keys", "split")
EFFECTIVE_KEYS = (*TEXT_KEYS, *NUMBER_KEYS, *FLAG_KEYS, *OTHER_KEYS)

# What the hosts know and this package does not need, each with the reason.
WITHOUT_EFFECT = {
    "tokenizer_type": "the tokenizer is what the directory holds",
    "tokenizer_not_use_fast": "ids are the same either way",
    "tokenizer_model": "the tokenizer directory is used",
    "vocab_file": "the tokenizer directory is used",
    "merge_file": "the tokenizer directory is used",
    "trust_remote_code": "code from a model directory is never run",
    "streaming": "rows are always streamed",
    "overwrite_cache": "nothing is cached",
    "cache_dir": "nothing is cached",
    "append_eod": "a prompt does not end a document; the host's R1 handler ignores it too",
    "dataset_impl": "the format is always mmap",
    "json_keys": "the columns come from map-keys",
    "split_sentences": "a prompt is one piece",
    "keep_newlines": "a prompt is one piece",
    "interleave_probs": "one input at a time",
    "make_vocab_size_divisible_by": "the vocabulary is not padded here",
    "pad_vocab_size_to": "the vocabulary is not padded here",
    "placeholder_token": "it belongs to process reward data",
    "reward_tokens": "they belong to process reward data",
    "script_data_dir": "data scripts are never run",
    "pad_to_multiple_of": "prompts are not padded here",
}
# What would change the result in a way that this package does not do.
REFUSED = {
    "pack": "several prompts in one sample can't be rolled out",
    "neat_pack": "several prompts in one sample can't be rolled out",
    "merge_group_keys": "msrl-ext merge joins packed files",
    "enable_thinking": "it belongs to the host's reasoning templates",
    "hf_datasets_params": "the input is a local file",
    "datasets": "one input at a time",
}
PROMPT_ONLY_HANDLER = "AlpacaStylePromptOnlyHandler"
HANDLER_SYNONYMS = ("R1AlpacaStyleInstructionHandler", "Math17kAlpacaStyleInstructionHandler")


def read_dataset_config(name_or_path: str) -> dict[str, Any]:
    """Reads a data recipe into options by name.

    Args:
        name_or_path: a YAML file, or the name of a shipped one.

    Raises:
        InputError: no such config, unreadable YAML, an unknown key, a value of the wrong type.
    """
    path = resolve_config(name_or_path, "datasets")
    table = read_yaml(path).value
    options = {str(key).replace("-", "_"): value for key, value in table.items()}
    return effective_options(options, str(path))


def effective_options(options: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Leaves the options that have an effect; says which have none and refuses unknown ones."""
    found: dict[str, Any] = {}
    for key, value in options.items():
        if value is None:
            continue
        if key in WITHOUT_EFFECT:
            logger.info("%s: %s has no effect: %s", source, key, WITHOUT_EFFECT[key])
        elif key in REFUSED:
            # A host's YAML may name its own default.
            if value:
                raise InputError(
                    f"{source}: {key} is not supported", found=repr(value), remedy=REFUSED[key]
                )
        elif key in EFFECTIVE_KEYS:
            found[key] = _checked(key, value, source)
        else:
            raise InputError(
                f"{source} has an unknown key {key!r}",
                remedy=nearest(key, [*EFFECTIVE_KEYS, *WITHOUT_EFFECT, *REFUSED]),
            )
    return found


def check_handler(name: str) -> None:
    """Checks a handler name; the hosts' prompt handlers mean ours.

    Raises:
        InputError: a handler that makes something else.
    """
    if name in HANDLER_SYNONYMS:
        logger.info("%s: rows are handled by %s", name, PROMPT_ONLY_HANDLER)
    elif name not in ("", PROMPT_ONLY_HANDLER):
        raise InputError(
            f"handler {name!r} is not one of this package",
            expected=", ".join((PROMPT_ONLY_HANDLER, *HANDLER_SYNONYMS)),
            remedy="leave --handler-name out, or use the host's preprocess_data.py",
        )


def _checked(key: str, value: Any, source: str) -> Any:
    if key == "dataset_additional_keys":
        names = value.split() if isinstance(value, str) else value
        if isinstance(names, list | tuple) and all(isinstance(name, str) for name in names):
            return tuple(names)
        raise _wrong_type(source, key, value, "a list of column names")
    if key == "shard":
        return parse_shard(str(value))
    if key == "split" and (not isinstance(value, int | float) or isinstance(value, bool)):
        raise _wrong_type(source, key, value, "a fraction between 0 and 1")
    if key in FLAG_KEYS and not isinstance(value, bool):
        raise _wrong_type(source, key, value, "true or false")
    if key in TEXT_KEYS and not isinstance(value, str | Path):
        raise _wrong_type(source, key, value, "text")
    if key in NUMBER_KEYS and (not isinstance(value, int) or isinstance(value, bool)):
        raise _wrong_type(source, key, value, "a whole number")
    return value


def _wrong_type(source: str, key: str, value: Any, expected: str) -> InputError:
    return InputError(f"{source}: {key} is not {expected}", found=repr(value), expected=expected)
