"""Rows a second of preprocessing once started, beside the tokenizer's own batch encoding.

In each round the same texts are encoded by the tokenizer alone, in the same batches and in one,
and then preprocessed from file to packed files; the ratio is taken within a round, so that a busy
moment of the machine hits all. Medians are printed; asserts nothing.

    python benchmarks/preprocess_speed.py --input train.jsonl --tokenizer DIR
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mindspeed_rl_ext.preprocess.engine import CHUNK_ROWS, pack_rows
from mindspeed_rl_ext.preprocess.options import PreprocessOptions
from mindspeed_rl_ext.preprocess.reading.columns import read_prompt
from mindspeed_rl_ext.preprocess.reading.map_keys import parse_map_keys
from mindspeed_rl_ext.preprocess.reading.readers import open_source
from mindspeed_rl_ext.preprocess.templates.template import load_template
from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer

NAMES = ("the tokenizer alone", "the tokenizer, one batch", "rows to packed files")
MAP_KEYS = '{"prompt":"question","query":"","response":"answer"}'


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    with contextlib.redirect_stderr(io.StringIO()):
        work()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Prints one row for each, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--prompt-type", default="qwen_math_r1")
    parser.add_argument("--map-keys", default=MAP_KEYS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    tokenizer = load_tokenizer(args.tokenizer, workers=args.workers)
    template = load_template(args.prompt_type)
    keys = parse_map_keys(args.map_keys)
    prompts = [read_prompt(row.data, keys) for row in open_source(args.input).rows]
    # What is encoded for each row: the system block comes once.
    texts = [str(template.render(prompt)[-1]) for prompt in prompts]

    def alone() -> None:
        for start in range(0, len(texts), CHUNK_ROWS):
            tokenizer.encode_batch(texts[start : start + CHUNK_ROWS])

    with tempfile.TemporaryDirectory() as folder:
        options = PreprocessOptions(
            input=Path(args.input),
            tokenizer_name_or_path=args.tokenizer,
            output_prefix=Path(folder, "data"),
            prompt_type=args.prompt_type,
            map_keys=keys.named(),
            overwrite=True,
        )

        def ours() -> None:
            pack_rows(open_source(args.input), tokenizer, template, options)

        def at_once() -> None:
            tokenizer.encode_batch(texts)

        works = (alone, at_once, ours)
        rounds = [[timed(work) for work in works] for _ in range(args.rounds + 1)][1:]
    print(f"{len(texts)} rows, {args.rounds} rounds, {args.workers} threads; medians")
    print(f"{'what':<28}{'wall s':>9}{'CPU s':>9}{'rows/s':>10}")
    for index, name in enumerate(NAMES):
        wall = statistics.median(pair[index][0] for pair in rounds)
        cpu = statistics.median(pair[index][1] for pair in rounds)
        print(f"{name:<28}{wall:>9.3f}{cpu:>9.3f}{len(texts) / wall:>10.0f}")
    for index, name in enumerate(NAMES[:-1]):
        ratios = [times[index][0] / times[-1][0] for times in rounds]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(f"of {name}: {middle:.2f} within a round (quartiles {low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
