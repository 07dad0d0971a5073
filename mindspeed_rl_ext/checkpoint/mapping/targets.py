"""What loads a checkpoint that is written: host lines and versions of Megatron core.

Covers: whose tensor names and args each of them has; single flags override a target.
Does not cover: sizes of parallel groups, which each run chooses.

Example:
    >>> TARGETS["mindspeed-llm-26.1"].dialect
    '0.12'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mindspeed_rl_ext.checkpoint.mapping.spec import CORE

DEFAULT_DIALECT = "0.8"


@dataclass(frozen=True)
class Convention:
    """How a loader names things.

    Args:
        dialect: names of latent attention, the shared gate and prediction layers.
        tokenizer_type: the name that its args have for a HuggingFace tokenizer.
        dense_in_pattern: `moe_layer_freq` lists the layers without experts; otherwise
            `first_k_dense_replace` counts them.
        loads_torch_dist: False where it sets `ckpt_format = "torch"` whatever it is told.
        yarn: attention that is not latent has YaRN as a position embedding of its own; otherwise
            a scaling of the rotary one.
        whole_down: transformer_engine's latent attention has downward projections that TP does not
            cut.
    """

    dialect: str
    tokenizer_type: str = "PretrainedFromHF"
    dense_in_pattern: bool = False
    loads_torch_dist: bool = True
    yarn: bool = False
    whole_down: bool = False


_EARLIER, _LATER = Convention("0.8"), Convention("0.12")
_RANK_FILES_ONLY = replace(_LATER, loads_torch_dist=False)
_MEGATRON = Convention(
    CORE, "HuggingFaceTokenizer", dense_in_pattern=True, yarn=True, whole_down=True
)
_MEGATRON_EARLIER = replace(_MEGATRON, yarn=False, whole_down=False)
# MindSpeed-RL takes MindSpeed-LLM's models: up to 2.2 those of core 0.8, then those of core 0.12.
TARGETS: Mapping[str, Convention] = {
    **{f"mindspeed-llm-{line}": _EARLIER for line in ("feb25", "2.0", "2.1")},
    **{f"mindspeed-llm-{line}": _RANK_FILES_ONLY for line in ("2.2", "2.3", "26.0")},
    **{f"mindspeed-llm-{line}": _LATER for line in ("26.1", "master")},
    **{f"mindspeed-rl-{line}": _EARLIER for line in ("2.0", "2.1", "2.2")},
    **{f"mindspeed-rl-{line}": _LATER for line in ("2.3", "master")},
    **{f"megatron-core-{line}": _MEGATRON_EARLIER for line in ("0.8", "0.12")},
    "megatron-core-0.16": _MEGATRON,
}
_BY_DIALECT = {"0.8": _EARLIER, "0.12": _LATER, CORE: _MEGATRON}


def convention_of(target: str | None, dialect: str | None) -> Convention:
    """The convention that the two flags mean together.

    Args:
        target: `--target`; None where it was not given.
        dialect: `--mcore-dialect`, which goes before the target's.
    """
    if target is None:
        return _BY_DIALECT[dialect or DEFAULT_DIALECT]
    found = TARGETS[target]
    if dialect in (None, found.dialect):
        return found
    return replace(found, dialect=dialect or found.dialect)
