"""Why a checkpoint's names or shapes are not the model's: what was saved instead, and the remedy.

Covers: prefixes of wrapped models, adapters, heads for classification, resized vocabularies.
Does not cover: reading any of these.

Example:
    >>> explain_names(["module.a", "module.b"], ["a", "b"]).remedy
    "save the unwrapped model's state dict (model.module), or rename the tensors"
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from mindspeed_rl_ext.checkpoint.tensors import Shape


class Explanation(NamedTuple):
    """What a checkpoint seems to be, and what to do."""

    what: str
    remedy: str


_MERGE = "merge the adapter into the model (merge_and_unload) and save it again"
_PREFIXES = {
    "module.": Explanation(
        "names begin with module.: it was saved from a wrapper (DDP, DeepSpeed)",
        "save the unwrapped model's state dict (model.module), or rename the tensors",
    ),
    "base_model.model.": Explanation(
        "names begin with base_model.model.: it was saved from a PEFT model", _MERGE
    ),
    "base_model.": Explanation("names begin with base_model.: it was saved from a wrapper", _MERGE),
    "_orig_mod.": Explanation(
        "names begin with _orig_mod.: it was saved from a compiled model",
        "save the state dict of model._orig_mod",
    ),
}
_HEADS = ("score.", "classifier.", "v_head.", "value_head.", "reward_head.", "rm_head.")
_VOCABULARY = ("embed_tokens.weight", "lm_head.weight", "word_embeddings.weight")


def explain_names(extra: Sequence[str], missing: Collection[str]) -> Explanation | None:
    """Why names differ.

    Args:
        extra: names that the model does not have.
        missing: names that it has and the checkpoint does not.

    Returns:
        The explanation; None where there is none.
    """
    if any(".lora_A." in name or ".lora_B." in name for name in extra):
        return Explanation(
            "it holds the matrices of a LoRA adapter",
            "--load-dir with its base model and --lora-load with the adapter merge them",
        )
    for prefix, explanation in _PREFIXES.items():
        if extra and all(name.startswith(prefix) for name in extra):
            return explanation
    found = _prefix(extra, set(missing))
    if found:
        return Explanation(
            f"names begin with {found}, which this model's do not",
            "save the inner model's state dict, or rename the tensors",
        )
    heads = [name for name in extra if name.startswith(_HEADS)]
    if heads:
        return Explanation(
            f"it has a head for classification or values ({heads[0]})",
            "save the language model without that head (AutoModelForCausalLM)",
        )
    return None


def _prefix(extra: Sequence[str], missing: Collection[str]) -> str:
    """What most of the names have in front of a missing name; "" where they have not."""
    found: Counter[str] = Counter()
    for name in extra:
        parts = name.split(".")
        for at in range(1, len(parts)):
            if ".".join(parts[at:]) in missing:
                found[".".join(parts[:at]) + "."] += 1
                break
    prefix, count = found.most_common(1)[0] if found else ("", 0)
    return prefix if 2 * count > len(extra) else ""


def explain_shape(name: str, found: Shape, expected: Shape) -> Explanation | None:
    """Why a tensor's shape differs; None where there is no explanation."""
    if name.endswith(_VOCABULARY) and len(found) == 2 and found[1:] == expected[1:]:
        return Explanation(
            f"the vocabulary was resized: {found[0]} rows, config.json says {expected[0]}",
            f'set "vocab_size": {found[0]} in config.json, if the tokenizer has so many',
        )
    return None
