"""The YAML of a data recipe, in the schema of MindSpeed-RL's configs/datasets.

Covers: the keys of that schema and our own, which `options` declares; keys of the host that have no
effect here are named, unknown ones are refused with the nearest names.
Does not cover: hydra's interpolation and defaults lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_origin

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.files.shipped import resolve_config
from mindspeed_rl_ext.core.files.yaml_file import read_yaml
from mindspeed_rl_ext.core.host_flags import HostFlag, take_host_flags
from mindspeed_rl_ext.core.options import declared_options
from mindspeed_rl_ext.preprocess.options import PreprocessOptions

_TOKENIZER = "the tokenizer directory is used"
_NO_CACHE = "nothing is cached"
_ONE_PIECE = "a prompt is one piece"
_NO_PADDING = "the vocabulary is not padded here"
_ONE_INPUT = "one input at a time"
_NO_PACKING = "several prompts in one sample can't be rolled out"

# What the hosts know and this package does not need or do.
_REASONING = "it belongs to the host's reasoning templates, which are not read here"
HOST_FLAGS: Mapping[str, HostFlag] = {
    "tokenizer_type": HostFlag("value", "the tokenizer is what the directory holds"),
    "tokenizer_not_use_fast": HostFlag("switch", "ids are the same either way"),
    "tokenizer_model": HostFlag("value", _TOKENIZER),
    "vocab_file": HostFlag("value", _TOKENIZER),
    "merge_file": HostFlag("value", _TOKENIZER),
    "trust_remote_code": HostFlag("switch", "code from a model directory is never run"),
    "streaming": HostFlag("switch", "rows are always streamed"),
    "overwrite_cache": HostFlag("switch", _NO_CACHE),
    "cache_dir": HostFlag("value", _NO_CACHE),
    "append_eod": HostFlag(
        "switch", "a prompt does not end a document; the host's R1 handler ignores it too"
    ),
    "dataset_impl": HostFlag("value", "the format is always mmap"),
    "json_keys": HostFlag("list", "the columns come from map-keys"),
    "split_sentences": HostFlag("switch", _ONE_PIECE),
    "keep_newlines": HostFlag("switch", _ONE_PIECE),
    "interleave_probs": HostFlag("value", _ONE_INPUT),
    "make_vocab_size_divisible_by": HostFlag("value", _NO_PADDING),
    "pad_vocab_size_to": HostFlag("value", _NO_PADDING),
    "placeholder_token": HostFlag("value", "it belongs to process reward data"),
    "reward_tokens": HostFlag("list", "they belong to process reward data"),
    "script_data_dir": HostFlag("value", "data scripts are never run"),
    "pad_to_multiple_of": HostFlag("value", "prompts are not padded here"),
    "pack": HostFlag("switch", _NO_PACKING, refused=True),
    "neat_pack": HostFlag("switch", _NO_PACKING, refused=True),
    "merge_group_keys": HostFlag("list", "msrl-ext merge joins packed files", refused=True),
    "enable_thinking": HostFlag("value", _REASONING, refused=True),
    "reasoning_effort": HostFlag("value", _REASONING, refused=True),
    "drop_thinking": HostFlag("value", _REASONING, refused=True, neutral=True),
    "data_obfuscation": HostFlag("switch", "prompts are packed as they are", refused=True),
    "obf_seed_content": HostFlag("value", "it belongs to data_obfuscation"),
    "hf_datasets_params": HostFlag("value", "the input is a local file", refused=True),
    "datasets": HostFlag("list", _ONE_INPUT, refused=True),
}


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
    """The options that have an effect, as values; says which have none.

    Args:
        options: by name; None is as good as absent.
        source: where they stand, for messages.

    Raises:
        InputError: an unknown key, one that is not supported, a value of the wrong type.
    """
    given = {name: value for name, value in options.items() if value is not None}
    known = declared_options(PreprocessOptions)
    found = {}
    for name, value in take_host_flags(given, HOST_FLAGS, source).items():
        if name not in known:
            raise InputError(
                f"{source} has an unknown key {name!r}",
                remedy=nearest(name, [*known, *HOST_FLAGS]),
            )
        # The hosts write several names as one text, too.
        words = get_origin(known[name].kind) is tuple and known[name].option.parse is None
        text = words and isinstance(value, str) and "," not in value
        found[name] = known[name].from_file(value.split() if text else value, source)
    return found
