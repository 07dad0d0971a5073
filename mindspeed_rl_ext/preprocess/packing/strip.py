"""Packed instruction files to prompt-only ones, without the data they were made from.

Covers: files whose labels are -100 on the prompt, as the hosts' instruction handler makes them:
what comes before the last response stays, the reference answer is taken out of the response.
Does not cover: several samples in one row (`--pack`); their rows are rejected.

Example:
    >>> import numpy as np
    >>> split_masked(np.array([5, 6, 7, 8, 9]), np.array([-100, -100, 7, 8, -100]))
    ([5, 6], [7, 8])
"""

from __future__ import annotations

import time
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.responses.answers import (
    Extractor,
    Label,
    NoAnswerError,
    extract_label,
    parse_extractor,
)
from mindspeed_rl_ext.preprocess.checks.packed_rows import IGNORED, prompt_problem
from mindspeed_rl_ext.preprocess.options import LABELS, PreprocessOptions
from mindspeed_rl_ext.preprocess.packing import packed
from mindspeed_rl_ext.preprocess.packing.options import StripOptions
from mindspeed_rl_ext.preprocess.packing.packed import PackedDataset, read_packed
from mindspeed_rl_ext.preprocess.packing.staging import staging
from mindspeed_rl_ext.preprocess.packing.writer import PackedWriter
from mindspeed_rl_ext.preprocess.pipeline import PROMPT_KEYS, label_loss
from mindspeed_rl_ext.preprocess.record import Reason, RejectError, Row
from mindspeed_rl_ext.preprocess.rejects import reject_line, require_kept
from mindspeed_rl_ext.preprocess.report import Counts, PreprocessReport
from mindspeed_rl_ext.preprocess.summary import build_report
from mindspeed_rl_ext.preprocess.templates.tokenizer import Tokenizer

TEMPLATE = "that of the packed files"


def strip(options: PreprocessOptions, tokenizer: Tokenizer) -> PreprocessReport:
    """Writes prompt-only files of packed instruction files.

    Args:
        options: `input` is the prefix of the instruction files; map_keys is not read.
        tokenizer: the one they were made with.

    Raises:
        InputError: no labels, nothing masked in any row, files in the way.
    """
    start_s = time.monotonic()
    data = read_packed(options.input)
    if LABELS not in data.keys:
        raise InputError(
            f"the packed files of {data.prefix} have no labels",
            found=f"keys {', '.join(data.keys)}",
            expected="labels that are -100 on the prompt",
            remedy="prompt-only files need no strip",
        )
    beside = tuple(key for key in data.keys if key not in (*PROMPT_KEYS, LABELS))
    counts, prefix = Counts(), options.output_prefix
    with staging(prefix, overwrite=options.overwrite) as folder:
        writer = PackedWriter(folder, prefix.name, (*PROMPT_KEYS, LABELS, *beside))
        try:
            with packed.rejects_file(folder / prefix.name).open("wb") as rejects:
                _write_all(data, writer, rejects, counts, options, tokenizer)
            require_kept(data.prefix, counts)
            writer.finish()
        finally:
            writer.close()
        report = build_report(
            writer,
            counts,
            options,
            source=data.prefix,
            tokenizer=tokenizer.name,
            template=TEMPLATE,
            warnings=(),
            seconds=time.monotonic() - start_s,
        )
        packed.report_file(folder / prefix.name).write_text(report.to_json(), encoding="utf-8")
    return report


def split_masked(ids: npt.NDArray[Any], labels: npt.NDArray[Any]) -> tuple[list[int], list[int]]:
    """Splits a row into the prompt and the last response.

    Raises:
        RejectError: nothing is masked, everything is, or the lengths differ.
    """
    if len(ids) != len(labels):
        raise RejectError(Reason.NOT_MASKED, f"{len(labels)} labels for {len(ids)} input_ids")
    targets = np.flatnonzero(labels != IGNORED)
    if not len(targets):
        raise RejectError(Reason.MISSING_ANSWER, "every label is -100: there is no response")
    end = int(targets[-1]) + 1
    masked = np.flatnonzero(labels[:end] == IGNORED)
    if not len(masked):
        raise RejectError(Reason.NOT_MASKED, "no label before the response is -100")
    start = int(masked[-1]) + 1
    return ids[:start].tolist(), ids[start:end].tolist()


def _write_all(
    data: PackedDataset,
    writer: PackedWriter,
    rejects: BinaryIO,
    counts: Counts,
    options: PreprocessOptions,
    tokenizer: Tokenizer,
) -> None:
    extractor = parse_extractor(options.label_extractor)
    for number, row in enumerate(data):
        counts.total += 1
        shown: dict[str, Any] = {}
        try:
            prompt, response = split_masked(row["input_ids"], row[LABELS])
            shown["prompt"] = tokenizer.decode(prompt)
            shown["response"] = tokenizer.decode(response, skip_special_tokens=True)
            _require_length(prompt, options)
            label = _label(shown["response"], extractor)
            _require_prompt(shown["prompt"], label.text)
            label_ids = tokenizer.encode(label.text)
            loss = label_loss(label.text, tokenizer.decode(label_ids, skip_special_tokens=True))
            if loss:
                raise loss
        except RejectError as rejected:
            rejected_row = Row(number, shown)
            counts.count_reject(rejected_row.place(), rejected)
            rejects.write(reject_line(rejected_row, rejected))
            continue
        counts.kept += 1
        counts.count_label(label.found_by, label.text)
        mask = np.ones(len(prompt), dtype=np.int32)
        writer.add({**row, "input_ids": prompt, "attention_mask": mask, LABELS: label_ids})


def _label(response: str, extractor: Extractor) -> Label:
    try:
        return extract_label(response, extractor)
    except NoAnswerError as error:
        raise RejectError.without_answer(error) from error


def _require_length(prompt: list[int], options: PreprocessOptions) -> None:
    longest = options.max_prompt_length
    if longest is not None and len(prompt) > longest:
        raise RejectError(Reason.TOO_LONG, f"{len(prompt)} tokens, max-prompt-length {longest}")


def _require_prompt(text: str, label: str) -> None:
    found = prompt_problem(text, label)
    if found:
        kind, detail = found
        known = {reason.value: reason for reason in Reason}
        raise RejectError(known.get(kind, Reason.BAD_PROMPT), f"{kind}: {detail}")


def strip_options(options: StripOptions, tokenizer: str) -> PreprocessOptions:
    """The options of a strip, as those of a run.

    Args:
        options: what is stripped.
        tokenizer: its directory.
    """
    return PreprocessOptions(
        input=options.source,
        tokenizer_name_or_path=tokenizer,
        output_prefix=options.target,
        map_keys={"prompt": "input_ids", "response": LABELS},
        label_extractor=options.label_extractor,
        max_prompt_length=options.max_prompt_length,
        overwrite=options.overwrite,
    )
