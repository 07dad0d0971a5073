"""R6: prompt, response, the engine's window and the model's positions. R14: what a log would lack.

Covers: MindSpeed-RL. Does not cover: seq_length, which bounds the data set there, not a sample.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.doctor.finding import Finding
from mindspeed_rl_ext.doctor.run_rl import RlRun


def window(run: RlRun) -> Iterator[Finding]:
    """A prompt and its response fit the engine, and the engine's window fits the model."""
    prompt, tokens = run.rl.number("max_prompt_length"), run.sampling.number("max_tokens")
    length, sequence = run.generate.number("max_model_len"), run.actor.number("seq_length")
    if length is None:
        return
    if sequence and length < sequence:
        place = run.generate.place("max_model_len")
        yield Finding("R1-window", place, {"window": length, "seq": sequence})
    if prompt and tokens and prompt + tokens > length:
        values = {"prompt": prompt, "tokens": tokens, "sum": prompt + tokens}
        values |= {"window": length, "room": length - tokens}
        yield Finding("R6-window", run.rl.place("max_prompt_length"), values)
    if run.rl.get("multi_turn_enable") and prompt:
        total = run.rl.number("max_total_response_length")
        if prompt + total > length:
            values = {"prompt": prompt, "total": total, "sum": prompt + total, "window": length}
            yield Finding("R6-turns", run.rl.place("max_total_response_length"), values)
    positions = run.actor.number("max_position_embeddings")
    if positions and length > positions and not run.actor.get("rope_scaling_type"):
        values = {"what": "max_model_len", "length": length, "positions": positions}
        yield Finding("R6-positions", run.generate.place("max_model_len"), values)


def logged(run: RlRun) -> Iterator[Finding]:
    """Metrics that read 0, or mean something else, by the host's defaults."""
    if run.rl.number("entropy_coeff") == 0:
        yield Finding("R14-entropy", run.rl.place("entropy_coeff"))
    if not run.rl.has("log_max_throughput"):
        yield Finding("R14-throughput", run.rl.place("log_max_throughput"))
    elif run.rl.get("log_max_throughput"):
        yield Finding("R14-throughput-on", run.rl.place("log_max_throughput"))
