"""What get_response_log_probs allocates beyond the model, in units of one fp32 logits tensor.

Counted by the allocator: torch's profiler records every allocation and release, the peak of their
running sum is printed. Without a gradient; the logits themselves, which the model returns, count.

Run from a checkout, with torch:
    python benchmarks/algorithms_memory.py
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch

from mindspeed_rl_ext.algorithms import get_response_log_probs


class Head(torch.nn.Module):
    """A language model of nothing but an embedding and a head: its logits are all it allocates."""

    def __init__(self, vocab: int, width: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(vocab, width, dtype=dtype)
        self.head = torch.nn.Linear(width, vocab, bias=False, dtype=dtype)

    def forward(self, input_ids: torch.Tensor) -> SimpleNamespace:
        """Logits of the next token."""
        return SimpleNamespace(logits=self.head(self.embedding(input_ids)))


def peak_bytes(work: Callable[[], Any]) -> int:
    """The highest sum of live bytes that were allocated inside `work`."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    live = peak = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    return peak


def main() -> None:
    """Prints one row for each dtype and kind of call."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vocab", type=int, default=151_936)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--length", type=int, default=128)
    args = parser.parse_args()
    ids = torch.randint(0, args.vocab, (args.batch, args.length))
    unit = 4 * ids.numel() * args.vocab
    print(f"one fp32 logits tensor: {unit / 1e6:.0f} MB ({args.batch} x {args.length})")
    for dtype in (torch.float32, torch.bfloat16):
        model = Head(args.vocab, 8, dtype)
        for entropy in (False, True):

            def work(model: Head = model, entropy: bool = entropy) -> None:
                with torch.no_grad():
                    get_response_log_probs(
                        model=model, input_ids=ids, labels=ids, return_token_entropy=entropy
                    )

            what = "log-probs and entropy" if entropy else "log-probs"
            kind = str(dtype).removeprefix("torch.")
            print(f"{what:<22} {kind:<9} {peak_bytes(work) / unit:.3f}")


if __name__ == "__main__":
    main()
