"""Responses with transformers on one device: npu, cuda, cpu, in that order.

Covers: batches padded on the left, greedy and sampled, a seed for each batch, the end tokens of
the model and of its tokenizer, stop texts.
Does not cover: several devices. A model directory's own code is never run.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, MachineError, MissingExtraError
from mindspeed_rl_ext.recipes.evaluation.backends.response import (
    Response,
    Sampling,
    Stops,
    check_lengths,
    derived_seed,
    encoded,
    read_response,
    split_stops,
)

_LOG = logging.getLogger(__name__)
# The keyword `dtype` of from_pretrained; before it was called `torch_dtype`.
_DTYPE_KEYWORD_SINCE = (4, 56)


class HfBackend:
    """A transformers model with its tokenizer.

    Args:
        model: the directory, or a loaded model together with `tokenizer`.
        tokenizer: of a loaded model; of the directory where None.
        batch_size: prompts generated together.
        device: "npu", "cuda", "cpu"; the best there is where None.
        dtype: "auto" (as the checkpoint was saved), "float32", "bfloat16", "float16".

    Raises:
        InputError: no such directory, no model or no tokenizer in it.
        MissingExtraError: torch or transformers is not installed.
    """

    def __init__(
        self,
        model: Any,
        *,
        tokenizer: Any = None,
        batch_size: int = 16,
        device: str | None = None,
        dtype: str = "auto",
    ) -> None:
        if batch_size < 1:
            raise InputError("the batch size is not positive", found=str(batch_size))
        self.batch_size = batch_size
        if isinstance(model, (str, Path)):
            self.tokenizer = _tokenizer(model) if tokenizer is None else tokenizer
            self.model = _load(Path(model), device, dtype)
        else:
            self.tokenizer, self.model = tokenizer, model
        self._ends = _end_ids(self.tokenizer, self.model)

    def check(self, prompts: Sequence[str], sampling: Sampling) -> None:
        """Raises InputError where a prompt leaves no room for a response."""
        context = getattr(self.model.config, "max_position_embeddings", None)
        rows = encoded(self.tokenizer, prompts)
        check_lengths([len(row) for row in rows], sampling.max_tokens, context)

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> list[list[Response]]:
        """`sampling.n` responses to each prompt, in order, in one batch with a seed of its own."""
        import torch

        if not prompts:
            return []
        torch.manual_seed(derived_seed(sampling.seed, prompts[0]))
        return self.draw(prompts, sampling)

    def draw(self, prompts: Sequence[str], sampling: Sampling) -> list[list[Response]]:
        """The same with torch's random state as it is: `sampling.seed` is not used."""
        import torch

        self.check(prompts, sampling)
        rows = encoded(self.tokenizer, prompts)
        stops = split_stops(self.tokenizer, sampling.stop)
        was_training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad():
                made = self._generate(rows, sampling, stops)
        except RuntimeError as error:
            if "out of memory" not in str(error):
                raise
            raise MachineError(
                "the device is out of memory",
                found=f"{len(rows)} prompts x {sampling.n} responses together",
                remedy=f"--batch-size {max(1, len(rows) // 2)}, or fewer responses per prompt",
            ) from error
        finally:
            self.model.train(was_training)
        read = [self._response(ids, sampling, stops) for ids in made]
        return [read[i : i + sampling.n] for i in range(0, len(read), sampling.n)]

    def _generate(self, rows: list[list[int]], sampling: Sampling, stops: Stops) -> list[list[int]]:
        import torch

        width = max(map(len, rows))
        pad = self._pad_id()
        ids_BT = torch.tensor([[pad] * (width - len(r)) + r for r in rows])  # noqa: N806 - shapes
        mask_BT = torch.tensor([[0] * (width - len(r)) + [1] * len(r) for r in rows])  # noqa: N806
        sampled = sampling.temperature > 0
        drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
        texts = {"stop_strings": list(stops.texts), "tokenizer": self.tokenizer}
        output = self.model.generate(
            input_ids=ids_BT.to(self.model.device),
            attention_mask=mask_BT.to(self.model.device),
            do_sample=sampled,
            max_new_tokens=sampling.max_tokens,
            num_return_sequences=sampling.n,
            pad_token_id=pad,
            eos_token_id=sorted(self._ends | stops.ids) or None,
            # A checkpoint's own taste (repetition_penalty and so on) would not be the policy.
            **_neutral(self.model),
            **(drawn if sampled else {"temperature": None, "top_p": None, "top_k": None}),
            **(texts if stops.texts else {}),
        )
        made: list[list[int]] = output[:, width:].tolist()
        return made

    def _pad_id(self) -> int:
        known = (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id, 0)
        return int(next(i for i in known if i is not None))

    def _response(self, ids: list[int], sampling: Sampling, stops: Stops) -> Response:
        ends = self._ends | stops.ids
        end = next((i for i, token in enumerate(ids) if token in ends), None)
        kept = ids if end is None else ids[: end + 1]
        return read_response(self.tokenizer, kept, end is not None, sampling.max_tokens, stops)


def _tokenizer(folder: str | Path) -> Any:
    from mindspeed_rl_ext.preprocess.templates.tokenizer import load_with_transformers

    return load_with_transformers(folder)


def _load(folder: Path, device: str | None, dtype: str) -> Any:
    if not (folder / "config.json").is_file():
        raise InputError(
            f"no HuggingFace model at {folder}",
            found="no config.json" if folder.is_dir() else "no such directory",
            remedy="give the directory that holds config.json; msrl-ext convert writes one",
        )
    try:
        import transformers
        from torch import __version__ as torch_version
    except ImportError as error:
        raise MissingExtraError(error.name or "torch", "eval", "the backend hf") from error
    from mindspeed_rl_ext.recipes.device import pick_device

    version = tuple(int(part) for part in re.findall(r"\d+", transformers.__version__)[:2])
    keyword = "dtype" if version >= _DTYPE_KEYWORD_SINCE else "torch_dtype"
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False, **{keyword: dtype}
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(
            f"transformers {transformers.__version__} can't load the model of {folder}",
            found=f"{type(error).__name__}: {str(error)[:300]}",
            remedy="check that the download is complete: msrl-ext inspect names its tensors",
        ) from error
    where = device or pick_device()
    _LOG.info("%s on %s, torch %s", folder, where, torch_version)
    return model.to(where)


def _end_ids(tokenizer: Any, model: Any) -> set[int]:
    """The ids that end a response: the tokenizer's, and what the checkpoint was saved with."""
    saved = getattr(model.generation_config, "eos_token_id", None)
    listed = saved if isinstance(saved, (list, tuple)) else [saved]
    return {int(i) for i in (tokenizer.eos_token_id, *listed) if i is not None}


def _neutral(model: Any) -> dict[str, Any]:
    """What undoes the settings that a checkpoint's generation_config.json brings."""
    neutral = {"repetition_penalty": 1.0, "no_repeat_ngram_size": 0, "min_new_tokens": None}
    neutral |= {"num_beams": 1, "typical_p": 1.0, "min_p": None}
    config = model.generation_config
    return {name: value for name, value in neutral.items() if getattr(config, name, None)}
