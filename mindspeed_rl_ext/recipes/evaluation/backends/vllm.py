"""Responses with vLLM; vllm-ascend, which plugs into it, runs the same code.

Covers: token ids in and out (so both backends see the same prompts and read responses alike), a
seed for each prompt, stop texts, a clear error for an installation that does not import.
Does not cover: the weights of a policy in training; `integrations.vllm` loads those.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, MachineError
from mindspeed_rl_ext.integrations.vllm import import_vllm
from mindspeed_rl_ext.recipes.evaluation.backends.response import (
    Response,
    Sampling,
    check_lengths,
    derived_seed,
    encoded,
    read_response,
    split_stops,
)

# Prompts handed over at once: vLLM schedules them itself, and an interruption loses one such part.
PROMPTS_AT_ONCE = 256


class VllmBackend:
    """A vLLM engine.

    Args:
        model: a HuggingFace model directory with its tokenizer.
        batch_size: prompts handed over at once.
        dtype: "auto", "float32", "bfloat16", "float16".
        tensor_parallel_size: devices that share the model.
        memory_fraction: of the device's memory that the engine may take; vLLM's default where
            None.
        llm: an engine that is already there, instead of `model`.

    Raises:
        InputError: no model or tokenizer there, or vLLM refuses it.
        MissingExtraError: vLLM is not installed.
        MachineError: the engine does not start.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        batch_size: int = PROMPTS_AT_ONCE,
        dtype: str = "auto",
        tensor_parallel_size: int = 1,
        memory_fraction: float | None = None,
        llm: Any = None,
    ) -> None:
        if batch_size < 1:
            raise InputError("the batch size is not positive", found=str(batch_size))
        self.batch_size = batch_size
        self.tokenizer = _tokenizer(model)
        memory = {} if memory_fraction is None else {"gpu_memory_utilization": memory_fraction}
        self.llm = llm or _start(
            Path(model), dtype=dtype, tensor_parallel_size=tensor_parallel_size, **memory
        )

    def check(self, prompts: Sequence[str], sampling: Sampling) -> None:
        """Raises InputError where a prompt leaves no room for a response."""
        rows = encoded(self.tokenizer, prompts)
        context = self.llm.llm_engine.model_config.max_model_len
        check_lengths([len(row) for row in rows], sampling.max_tokens, context)

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> list[list[Response]]:
        """`sampling.n` responses to each prompt, in order."""
        vllm = import_vllm()
        if not prompts:
            return []
        self.check(prompts, sampling)
        rows = encoded(self.tokenizer, prompts)
        stops = split_stops(self.tokenizer, sampling.stop)
        settings = [
            vllm.SamplingParams(
                n=sampling.n,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                max_tokens=sampling.max_tokens,
                seed=derived_seed(sampling.seed, text),
                stop=list(stops.texts) or None,
                stop_token_ids=sorted(stops.ids) or None,
            )
            for text in prompts
        ]
        outputs = self.llm.generate(
            [{"prompt_token_ids": row} for row in rows], settings, use_tqdm=False
        )
        return [
            [
                read_response(
                    self.tokenizer,
                    list(one.token_ids),
                    one.finish_reason != "length",
                    sampling.max_tokens,
                    stops,
                )
                for one in output.outputs
            ]
            for output in outputs
        ]


def _tokenizer(folder: str | Path) -> Any:
    from mindspeed_rl_ext.preprocess.templates.tokenizer import load_with_transformers

    return load_with_transformers(folder)


def _start(folder: Path, **options: Any) -> Any:
    if not (folder / "config.json").is_file():
        raise InputError(
            f"no HuggingFace model at {folder}",
            found="no config.json" if folder.is_dir() else "no such directory",
            remedy="give the directory that holds config.json; msrl-ext convert writes one",
        )
    # Before the import: by default its log goes to standard output, between the results.
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
    vllm = import_vllm()
    # The checkpoint's own generation_config.json would change the policy that is evaluated.
    options["generation_config"] = "vllm"
    try:
        return vllm.LLM(model=str(folder), trust_remote_code=False, **options)
    except (ValueError, OSError) as error:  # pydantic's ValidationError is a ValueError
        raise InputError(
            f"vLLM {vllm.__version__} refuses the model of {folder}",
            found=str(error)[:400],
            remedy="fix what it names, or use --backend hf",
        ) from error
    except RuntimeError as error:
        raise MachineError(
            f"vLLM {vllm.__version__} does not start",
            found=str(error)[:400],
            remedy="its log above names the cause; less memory: --memory-fraction; "
            "or use --backend hf",
        ) from error
