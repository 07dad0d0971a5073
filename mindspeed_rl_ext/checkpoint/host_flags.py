"""Flags of the hosts' converters that ours takes without doing anything, or refuses by name.

Covers: both generations of the hosts. An unknown flag is an error of the parser.
Does not cover: flags that do something; `commands.convert` has those.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Refused:
    """A flag whose feature is not built: values that mean nothing, and what to do instead."""

    takes_value: bool = True
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
    "--num-experts": 1,
    "--first-k-dense-replace": 1,
    "--moe-layer-freq": 1,
    "--n-shared-experts": 1,
    "--shared-expert-gate": 0,
    "--multi-head-latent-attention": 0,
}

REFUSED: Mapping[str, Refused] = {
    "--expert-tensor-parallel-size": Refused(harmless=("1",)),
    "--mla-mm-split": Refused(takes_value=False),
    "--schedules-method": Refused(),
    "--add-dense-bias": Refused(
        takes_value=False, remedy="leave it out: config.json's attention_bias says it"
    ),
    "--post-norm": Refused(takes_value=False),
    "--orm": Refused(takes_value=False),
    "--lora-load": Refused(remedy="merge the adapter into the HuggingFace model first"),
    "--lora-r": Refused(remedy="merge the adapter into the HuggingFace model first"),
    "--save-lora-to-hf": Refused(takes_value=False),
    "--qlora-nf4": Refused(takes_value=False),
    "--ckpt-cfg-path": Refused(remedy="leave it out: a model is a file in checkpoint/models"),
}


def add_table(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of both tables, and --loader and --saver."""
    accepted = parser.add_argument_group("flags of the hosts, accepted")
    for name in ("--loader", "--saver"):
        accepted.add_argument(name, metavar="NAME", help="older way to say the direction")
    for name, count in NO_EFFECT.items():
        if count == 0:
            accepted.add_argument(name, action="store_true", help="no effect")
        else:
            accepted.add_argument(name, nargs="+" if count is None else None, help="no effect")
    later = parser.add_argument_group("flags of the hosts, refused for now")
    for name, flag in REFUSED.items():
        if flag.takes_value:
            later.add_argument(name, help=argparse.SUPPRESS)
        else:
            later.add_argument(name, action="store_true", help=argparse.SUPPRESS)
