"""Log-probabilities of responses without the padding of the longest one, on a CPU.

Covers: a mixin before TRL's GRPOTrainer. A batch goes through the model in parts of like lengths,
each as wide as its own longest response; a sampled batch is half padding otherwise. Padded
positions get 0, as TRL gives them.
Does not cover: other devices, images, losses of routers; TRL's own way is taken there.
"""

from __future__ import annotations

from typing import Any

from mindspeed_rl_ext.integrations.trl_probe import overrides_trl
from mindspeed_rl_ext.recipes.training.trainer.groups import widened

_PARTS = 8
# Below this a part is too small for a pass of its own.
_MIN_ROWS = 32


class TrimmedLogProbs:
    """Goes before TRL's GRPOTrainer among the bases of a class."""

    @overrides_trl(
        "model", "input_ids", "attention_mask", "logits_to_keep", "batch_size", "compute_entropy"
    )
    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: Any,
        attention_mask: Any,
        logits_to_keep: int,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        **others: Any,
    ) -> tuple[Any, ...]:
        """TRL's numbers, each `[rows, logits_to_keep]` or None."""
        whole = super()._get_per_token_logps_and_entropies  # type: ignore[misc]
        rows = len(input_ids)
        images = any(value is not None and value is not False for value in others.values())
        if images or input_ids.device.type != "cpu" or rows < _MIN_ROWS:
            return tuple(
                whole(
                    model, input_ids, attention_mask, logits_to_keep, batch_size=batch_size,
                    compute_entropy=compute_entropy, **others,
                )
            )  # fmt: skip
        lengths = attention_mask[:, -logits_to_keep:].sum(dim=1)
        order = lengths.argsort(stable=True)
        parts = []
        for index in order.split(-(-rows // _PARTS)):
            width = max(1, int(lengths[index].max()))
            end = input_ids.shape[1] - logits_to_keep + width
            numbers = whole(
                model, input_ids[index, :end], attention_mask[index, :end], width,
                compute_entropy=compute_entropy, **others,
            )  # fmt: skip
            parts.append(
                [n if n is None else widened(n, logits_to_keep, left=False) for n in numbers]
            )
        return tuple(_in_order(column, order) for column in zip(*parts, strict=True))


def _in_order(parts: tuple[Any, ...], order: Any) -> Any:
    """Rows of sorted parts where they were before; None where the parts are."""
    import torch

    return None if parts[0] is None else torch.cat(parts)[order.argsort()]
