"""A tiny causal model and tokenizer, and formulas in plain Python to compare with."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="the algorithms room stands on torch")


class TinyModel(torch.nn.Module):
    """Logits from the current token only: enough to have a gradient to check."""

    def __init__(self, vocab: int = 11, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        weight = torch.randn(vocab, vocab, generator=generator, dtype=torch.float32) * 2
        self.weight = torch.nn.Parameter(weight.to(dtype))

    def forward(self, input_ids: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=self.weight[input_ids])


@pytest.fixture
def tiny_model() -> TinyModel:
    return TinyModel()


def python_log_softmax(row: list[float]) -> list[float]:
    top = max(row)
    total = top + math.log(math.fsum(math.exp(z - top) for z in row))
    return [z - total for z in row]


@pytest.fixture
def log_softmax():
    return python_log_softmax
