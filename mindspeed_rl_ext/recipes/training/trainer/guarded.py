"""What every trainer of ours does besides TRL's: it stops on NaN, and saves whole or not at all.

Covers: a mixin before TRL's trainer class. A loss or a gradient that is not finite stops the run
before the weights take it; a checkpoint that cannot be written is removed and the one before stays.
Does not cover: what is optimised.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import CheckFailedError
from mindspeed_rl_ext.core.files.whole_files import write_text_atomic
from mindspeed_rl_ext.integrations.trl_probe import checked_callback, overrides_trl
from mindspeed_rl_ext.recipes.training.trainer import checkpoints

CARD = "README.md"


class GuardedTraining:
    """Goes before a transformers Trainer among the bases of a class.

    `keep_checkpoints` is how many are kept; the Trainer's own limit would remove the old one
    before ours has marked the new one whole. `card` is the model card, in the place of TRL's, which
    knows no local model's name.
    """

    keep_checkpoints: int | None = None
    card: str = ""
    # Given by the Trainer.
    args: Any
    state: Any
    accelerator: Any

    @overrides_trl()
    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """One micro-batch; raises CheckFailedError where the loss of any process is not finite."""
        import torch

        loss = super().training_step(*args, **kwargs)  # type: ignore[misc]
        finite = torch.isfinite(loss.detach()).float().reshape(1)
        if self.accelerator.num_processes > 1:
            finite = self.accelerator.gather(finite)
        if not bool(finite.all()):
            raise self.not_finite("loss", float(loss))
        return loss

    def not_finite(self, name: str, value: float) -> CheckFailedError:
        """The error that stops the run; the weights are those of the step before."""
        folder = Path(self.args.output_dir)
        last = checkpoints.last_whole(folder)
        start = f" from there: --set model={last}" if last else ""
        return CheckFailedError(
            f"the {name} of step {self.state.global_step + 1} is {value}: training stops",
            expected=f"a finite number; {checkpoints.describe_last_good(folder)}",
            remedy="a lower learning rate, a smaller clip or max_grad_norm, bfloat16 in the place "
            f"of float16, with another --output{start}",
        )

    @overrides_trl()
    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Writes our model card beside the checkpoints; TRL calls it with each of them."""
        if self.accelerator.is_main_process and self.card:
            write_text_atomic(Path(self.args.output_dir) / CARD, self.card)

    @overrides_trl()
    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        folder = Path(self.args.output_dir)
        target = folder / f"checkpoint-{self.state.global_step}"
        try:
            super()._save_checkpoint(*args, **kwargs)  # type: ignore[misc]
            self.accelerator.wait_for_everyone()
            if self.accelerator.is_main_process:
                checkpoints.mark_whole(target)
                checkpoints.keep_newest(folder, self.keep_checkpoints)
        except BaseException as error:  # whatever stops it, a half-written one must not stay
            shutil.rmtree(target, ignore_errors=True)
            fault = checkpoints.machine_fault(error)
            if not fault:
                raise
            raise checkpoints.could_not_save(str(target), fault, folder) from error


def finite_gradients_callback(trainer: GuardedTraining) -> Any:
    """A callback that looks at the gradients after clipping, before the optimizer takes them."""
    from transformers import TrainerCallback

    class FiniteGradients(TrainerCallback):
        """Stops before an optimizer step that would spoil the weights."""

        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            """Looks at every gradient that this process holds (DeepSpeed keeps its own)."""
            if not _finite_gradients(kwargs.get("model")):
                raise trainer.not_finite("gradient", math.nan)

    return checked_callback(FiniteGradients)


def _finite_gradients(model: Any) -> bool:
    import torch

    if model is None:
        return True
    # One number a parameter and one transfer in all: NaN and infinities survive the product by 0.
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    sums = [(gradient.detach() * 0).sum() for gradient in gradients]
    return not sums or bool(torch.isfinite(torch.stack(sums)).all())
