"""`msrl-ext doctor --data PREFIX`: are packed files, of anybody's making, prompts and nothing else.

Covers: rule R13 of the data: one system block, an end that opens the assistant's turn, no answer
behind it or at the end of the question, labels that are answers, lengths, keys that go together.
Does not cover: whether the answers are right; files of other formats.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from mindspeed_rl_ext.doctor.finding import Finding, Level
from mindspeed_rl_ext.errors import ExtError
from mindspeed_rl_ext.preprocess.options import LABELS
from mindspeed_rl_ext.preprocess.packed import PackedDataset, read_packed
from mindspeed_rl_ext.preprocess.preview import recorded_tokenizer
from mindspeed_rl_ext.preprocess.prompt_proof import Problem, problems
from mindspeed_rl_ext.preprocess.report import percentiles
from mindspeed_rl_ext.preprocess.tokenizer import load_tokenizer

# More rows are sampled evenly: about a minute's work.
MAX_ROWS = 20_000
AGAIN = "preprocess again with msrl-ext preprocess, which drops such rows"
# Per kind of problem: how bad it is, what it means, what to do.
KINDS: dict[str, tuple[Level, str, str]] = {
    "masked_labels": (
        "error",
        "labels are -100 on the prompt: instruction files, the response is inside input_ids",
        "msrl-ext strip IN OUT makes prompt-only files of them",
    ),
    "text_after_header": ("error", "text follows the assistant's header", AGAIN),
    "answer_in_prompt": ("error", "the prompt gives its answer away", AGAIN),
    "second_system_block": (
        "error",
        "more than one system block",
        "map the column of the raw question, not one with a template applied already",
    ),
    "no_assistant_header": (
        "error",
        "the prompt does not end with the assistant's header",
        "choose the prompt type of the model and preprocess again",
    ),
    "empty_prompt": ("error", "a prompt without tokens", AGAIN),
    "empty_label": (
        "error",
        "a label without text: MindSpeed-LLM refuses it, verifiers score it wrong",
        AGAIN,
    ),
    "negative_ids": ("error", "ids that no tokenizer has", AGAIN),
    "mask_length": ("error", "attention_mask and input_ids differ in length", AGAIN),
    "mask_not_ones": ("warning", "attention_mask hides tokens", AGAIN),
    "special_in_label": (
        "warning",
        "labels hold special tokens, which the hosts leave out when they decode",
        AGAIN,
    ),
}


def packed_data(prefix: str, model: str | None) -> Iterator[Finding]:
    """Checks packed files.

    Args:
        prefix: the `--output-prefix` of the files.
        model: directory of the tokenizer; the one that the report names where None.
    """
    try:
        data = read_packed(prefix)
        tokenizer = load_tokenizer(Path(model or recorded_tokenizer(data)).expanduser())
    except ExtError as error:
        remedy = error.remedy.replace("--tokenizer-name-or-path", "--model")
        found = f": {error.found}" if error.found else ""
        yield Finding("error", error.what + found, prefix, remedy)
        return
    if "input_ids" not in data.keys:
        found = f"there is no key input_ids: keys are {', '.join(data.keys)}"
        yield Finding("error", found, prefix, "copy all files of the prefix")
        return
    rows = _sample(len(data))
    yield from _shape(data, len(rows))
    by_kind: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems(data, tokenizer, rows):
        by_kind[problem.kind].append(problem)
    for kind, found_here in by_kind.items():
        level, meaning, remedy = KINDS[kind]
        first = found_here[0]
        yield Finding(
            level,
            f"{len(found_here)} of {len(rows)} rows: {meaning} (row {first.row}: {first.detail})",
            prefix,
            remedy,
        )
    if not by_kind:
        yield Finding("info", f"{len(rows)} rows looked at: prompts and nothing else", prefix)


def _sample(count: int) -> Sequence[int]:
    if count <= MAX_ROWS:
        return range(count)
    return [i * count // MAX_ROWS for i in range(MAX_ROWS)]


def _shape(data: PackedDataset, looked_at: int) -> Iterator[Finding]:
    if not len(data):
        yield Finding("error", "the packed files have no rows", data.prefix, AGAIN)
        return
    spelled = ", ".join(f"{name} {value}" for name, value in percentiles(data.lengths()).items())
    told = f"{len(data)} rows, keys {', '.join(data.keys)}; prompt tokens {spelled}"
    sampled = f"; {looked_at} rows, evenly spread, are looked at" * (looked_at < len(data))
    yield Finding("info", told + sampled, data.prefix)
    if LABELS not in data.keys:
        yield Finding(
            "warning",
            "there are no labels: rule verifiers get no reference answer",
            data.prefix,
            'name the answer\'s column: --map-keys \'{"prompt":...,"response":...}\'',
        )
