"""Where responses come from, behind one call; only the library of the chosen backend is imported.

Covers: `hf` (transformers, on npu, cuda or cpu) and `vllm` (vllm-ascend alike).
Does not cover: responses made elsewhere; `recorded` reads those.

Example:
    generate(["1+1="], backend="hf", model="out/hf", n=4, temperature=1.0, max_tokens=64, seed=0)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.recipes.evaluation.backends.response import Backend, Response, Sampling

__all__ = ["BACKENDS", "Backend", "Response", "Sampling", "generate", "open_backend"]

BACKENDS = {
    "hf": "mindspeed_rl_ext.recipes.evaluation.backends.hf:HfBackend",
    "vllm": "mindspeed_rl_ext.recipes.evaluation.backends.vllm:VllmBackend",
}


def open_backend(name: str, model: str | Path, **options: Any) -> Backend:
    """Loads a model for a backend.

    Args:
        name: one of BACKENDS.
        model: a HuggingFace model directory with its tokenizer.
        options: of the backend's class, such as `batch_size`, `device`, `dtype`.

    Raises:
        InputError: an unknown backend, no model or no tokenizer there.
        MissingExtraError: the backend's library is not installed.
    """
    if name not in BACKENDS:
        raise InputError(f"unknown backend {name!r}", remedy=nearest(name, BACKENDS))
    module, _, kind = BACKENDS[name].partition(":")
    make = cast("Callable[..., Backend]", getattr(import_module(module), kind))
    return make(model, **options)


def generate(
    prompts: Sequence[str],
    *,
    backend: str = "hf",
    model: str | Path,
    n: int = 1,
    temperature: float = 0.0,
    max_tokens: int = 1024,
    seed: int = 0,
    top_p: float = 1.0,
    stop: Sequence[str] = (),
    on_batch: Callable[[int], None] | None = None,
    **options: Any,
) -> list[list[Response]]:
    """Responses of a model to prompts.

    Args:
        prompts: texts with their template; no special token is added.
        backend: "hf" or "vllm".
        model: a HuggingFace model directory with its tokenizer.
        n: responses for each prompt.
        temperature: 0 takes the likeliest token each time.
        max_tokens: longest response in tokens.
        seed: of the draws.
        top_p: the share of probability that is drawn from.
        stop: texts that end a response, kept at its end.
        on_batch: called with the number of prompts done since the last call.
        options: of the backend, such as `batch_size`.

    Returns:
        `n` responses for each prompt, in the order of the prompts.
    """
    sampling = Sampling(n, temperature, top_p, max_tokens, seed, tuple(stop))
    opened = open_backend(backend, model, **options)
    opened.check(prompts, sampling)
    made: list[list[Response]] = []
    for start in range(0, len(prompts), opened.batch_size):
        batch = prompts[start : start + opened.batch_size]
        made += opened.generate(batch, sampling)
        if on_batch is not None:
            on_batch(len(batch))
    return made
