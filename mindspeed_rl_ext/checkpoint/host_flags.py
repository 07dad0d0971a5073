"""Flags of the hosts' converters that ours takes without doing anything, or refuses by name.

Covers: both generations of the hosts; a command line of theirs made into options. An unknown flag
is an error of the parser.
Does not cover: flags that do something; `options` declares those.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.options import (
    add_options,
    build_options,
    declared_options,
    given_options,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refused:
    """A flag whose feature is not built.

    Args:
        values: how many values it takes, as in NO_EFFECT.
        harmless: values that ask for nothing.
        remedy: what to do instead.
    """

    values: int | None = 1
    harmless: tuple[str, ...] = ()
    remedy: str = "leave it out"


# Flag -> number of values: 0 is a switch, None any number.
NO_EFFECT: Mapping[str, int | None] = {
    "--use-mcore-models": 0,
    "--model-type": 1,
    "--tokenizer-model": 1,
    "--spec": None,
    "--max-queue-size": 1,
    "--no-checking": 0,
    "--megatron-path": 1,
    "--position-embedding-type": 1,
    "--save-layer-by-layer": 0,
    "--qk-layernorm": 0,
    "--post-norm": 0,
    "--num-experts": 1,
    "--first-k-dense-replace": 1,
    "--moe-layer-freq": 1,
    "--n-shared-experts": 1,
    "--shared-expert-gate": 0,
    "--multi-head-latent-attention": 0,
    "--ai-framework": 1,
    "--load-checkpoint-loosely": 0,
    "--load-hf-from-config": 0,
    "--trust-remote-code": 0,
    "--vocab-file": 1,
    "--hidden-size": 1,
    "--input-tp-rank": 1,
    "--input-pp-rank": 1,
    # A checkpoint that is read says its own layout.
    "--source-tensor-parallel-size": 1,
    "--source-pipeline-parallel-size": 1,
}

_MAMBA = (
    "--d-model", "--mamba-d-state", "--mamba-head-dim", "--mamba-num-groups", "--mamba-state-dim",
    "--mamba2-head-dim", "--mamba2-n-groups",
)  # fmt: skip
REFUSED: Mapping[str, Refused] = {
    "--add-dense-bias": Refused(
        values=0, remedy="leave it out: config.json's attention_bias says it"
    ),
    "--orm": Refused(values=0),
    "--num-layers": Refused(remedy="set num_hidden_layers in config.json and remove the rest"),
    "--ckpt-format": Refused(harmless=("torch",), remedy="--save-model-type torch_dist"),
    "--true-vocab-size": Refused(remedy="vocab_size of config.json says it"),
    "--add-output-layer-bias": Refused(values=0),
    "--embed-layernorm": Refused(values=0),
    "--w-pack": Refused(values=None, remedy="families with one W_pack tensor are not converted"),
    "--load-from-legacy": Refused(values=0, remedy="only Megatron core's tensors are read"),
    "--save-to-legacy": Refused(values=0, remedy="only Megatron core's tensors are written"),
    **{name: Refused(remedy="state-space models are not converted") for name in _MAMBA},
    "--qlora-nf4": Refused(values=0),
    "--ckpt-cfg-path": Refused(remedy="leave it out: a model is a file in checkpoint/models"),
}


# Older hosts say the direction with these.
_DIRECTION = {"--loader": "load_model_type", "--saver": "save_model_type"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `convert`: ours, and those of the hosts' converters.

    A flag that is not given is absent from the namespace, so that another program's parser may
    have a default of its own for it.
    """
    add_options(parser, ConvertOptions)
    accepted = parser.add_argument_group("flags of the hosts, accepted")
    for name in _DIRECTION:
        _add(accepted, name, metavar="NAME", help="older way to say the direction")
    for name, count in NO_EFFECT.items():
        _add(accepted, name, help="no effect", **_kind(count))
    later = parser.add_argument_group("flags of the hosts, refused for now")
    for name, flag in REFUSED.items():
        _add(later, name, help=argparse.SUPPRESS, **_kind(flag.values))


def _kind(values: int | None) -> dict[str, Any]:
    if values == 0:
        return {"action": "store_true"}
    return {"nargs": "+"} if values is None else {}


def _add(group: Any, name: str, **known: Any) -> None:
    group.add_argument(name, default=argparse.SUPPRESS, **known)


def read_options(args: argparse.Namespace) -> ConvertOptions:
    """The options that a command line means; what has no effect is logged.

    Raises:
        InputError: a flag that is not built yet, or one that can't be read.
    """
    # The formats, and numpy with them, are imported when a command runs, not by --help.
    from mindspeed_rl_ext.checkpoint.formats import AUTO

    for name, flag in REFUSED.items():
        value = getattr(args, _attribute(name), None)
        if value not in (None, False, *flag.harmless):
            raise InputError(f"{name} is not built yet", found=str(value), remedy=flag.remedy)
    given = given_options(ConvertOptions, args)
    layers = [("defaults", {"load_model_type": AUTO}), ("--loader, --saver", _direction(args))]
    options = build_options(ConvertOptions, *layers, ("the command line", given))
    unused = [*_given_flags(args), *_unused_options(options)]
    if unused:
        log.info("without effect here: %s", ", ".join(unused))
    return options


def _direction(args: argparse.Namespace) -> dict[str, str]:
    """The formats, as older hosts say them."""
    from mindspeed_rl_ext.checkpoint.formats import find_format

    found = {}
    for flag, name in _DIRECTION.items():
        value = getattr(args, _attribute(flag), None)
        if value is not None:
            found[name] = find_format(value).name
    return found


def _given_flags(args: argparse.Namespace) -> list[str]:
    table = (*NO_EFFECT, *REFUSED)
    return [name for name in table if getattr(args, _attribute(name), None) not in (None, False)]


def _unused_options(options: ConvertOptions) -> list[str]:
    """Flags that only writers of other formats read."""
    from mindspeed_rl_ext.checkpoint.formats import find_format, formats

    registry = formats()
    writers = [writer for name in registry if (writer := registry.get(name).writer) is not None]
    target = find_format(options.save_model_type).writer
    read = target.uses if target is not None else frozenset[str]()
    others = frozenset[str]().union(*(writer.uses for writer in writers)) - read
    return [
        str(one.flag)
        for name, one in declared_options(ConvertOptions).items()
        if name in others and getattr(options, name) != one.default
    ]


def _attribute(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")
