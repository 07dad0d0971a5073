"""`msrl-ext doctor --data PREFIX`: are packed files, of anybody's making, prompts and nothing else.

Covers: rule R13 of the data: one system block, an end that opens the assistant's turn, no answer
behind it or at the end of the question, labels that are answers, lengths, keys that go together.
Does not cover: whether the answers are right; files of other formats.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from mindspeed_rl_ext.core.errors import ExtError
from mindspeed_rl_ext.doctor.finding import Finding, Place
from mindspeed_rl_ext.preprocess.checks.prompt_proof import Problem, problems
from mindspeed_rl_ext.preprocess.options import LABELS
from mindspeed_rl_ext.preprocess.packing.packed import PackedDataset, read_packed
from mindspeed_rl_ext.preprocess.packing.preview import recorded_tokenizer
from mindspeed_rl_ext.preprocess.report import percentiles
from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer

# More rows are sampled evenly: about a minute's work.
MAX_ROWS = 20_000


def packed_data(
    prefix: str, model: str | None, max_prompt_length: int | None = None
) -> Iterator[Finding]:
    """Checks packed files.

    Args:
        prefix: the `--output-prefix` of the files.
        model: directory of the tokenizer; the one that the report names where None.
        max_prompt_length: that of the training configuration, in tokens.
    """
    try:
        data = read_packed(prefix)
        tokenizer = load_tokenizer(Path(model or recorded_tokenizer(data)).expanduser())
    except ExtError as error:
        remedy = error.remedy.replace("--tokenizer-name-or-path", "--model")
        found = f": {error.found}" if error.found else ""
        yield Finding(
            "R13-unreadable", Place(prefix), {"cause": error.what + found, "remedy": remedy}
        )
        return
    if "input_ids" not in data.keys:
        yield Finding("R13-no-input-ids", Place(prefix), {"keys": ", ".join(data.keys)})
        return
    rows = _sample(len(data))
    yield from _shape(data, len(rows))
    by_kind: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems(data, tokenizer, rows):
        by_kind[problem.kind].append(problem)
    for kind, found_here in by_kind.items():
        first = found_here[0]
        counts = {"count": len(found_here), "total": len(rows)}
        yield Finding(
            f"R13-{kind}", Place(prefix), {**counts, "row": first.row, "detail": first.detail}
        )
    if not by_kind:
        yield Finding("R13-clean", Place(prefix), {"total": len(rows)})
    if max_prompt_length:
        yield from _too_long(data, max_prompt_length)


def _sample(count: int) -> Sequence[int]:
    if count <= MAX_ROWS:
        return range(count)
    return [i * count // MAX_ROWS for i in range(MAX_ROWS)]


def _shape(data: PackedDataset, looked_at: int) -> Iterator[Finding]:
    if not len(data):
        yield Finding("R13-no-rows", Place(data.prefix))
        return
    spelled = ", ".join(f"{name} {value}" for name, value in percentiles(data.lengths()).items())
    partly = looked_at < len(data)
    values = {
        "rows": len(data),
        "keys": ", ".join(data.keys),
        "lengths": spelled,
        "sampled": f"; {looked_at} rows, evenly spread, are looked at" * partly,
        "sampled_zh": f"；均匀抽查 {looked_at} 行" * partly,
    }
    yield Finding("R13-shape", Place(data.prefix), values)
    if LABELS not in data.keys:
        yield Finding("R13-no-labels", Place(data.prefix))


def _too_long(data: PackedDataset, limit: int) -> Iterator[Finding]:
    lengths = data.lengths()
    longer = sum(int(length) > limit for length in lengths)
    if longer:
        values = {"count": longer, "total": len(data), "limit": limit, "longest": max(lengths)}
        yield Finding("R13-longer", Place(data.prefix), values)
