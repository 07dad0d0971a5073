"""Scores saved rollouts with verifiers, before a run costs anything.

Each line of --input has `response` and `answer`, optionally `id`, `prompt`, `group`, `step`,
`num_tokens` and any column that a verifier needs. The output adds `reward` and `verdicts`.

Example:
  msrl-ext score --input rollouts.jsonl --verifier "countdown,countdown_format" --weight 0.8,0.2
  msrl-ext score --input rollouts.jsonl --verifier simplerl,r1_acc --explain "line 7"
  msrl-ext score --input rollouts.jsonl --verifier boxed_acc --compare math-verify,host
  msrl-ext score --check-references train.jsonl
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mindspeed_rl_ext.cli._output import show
from mindspeed_rl_ext.core.errors import EXIT_CHECK_FAILED, EXIT_DONE, InputError
from mindspeed_rl_ext.core.files.jsonlines import write_jsonl
from mindspeed_rl_ext.core.language import current_language
from mindspeed_rl_ext.core.options import add_options, build_options, given_options
from mindspeed_rl_ext.hosts.graders import DATA_SOURCE, HOST, host_grader
from mindspeed_rl_ext.verifiers.api import BoundVerifier
from mindspeed_rl_ext.verifiers.audit.comparing import comparison_lines
from mindspeed_rl_ext.verifiers.audit.explaining import explain_row
from mindspeed_rl_ext.verifiers.audit.graders import Grader, find_grader
from mindspeed_rl_ext.verifiers.audit.references import check_references
from mindspeed_rl_ext.verifiers.audit.rows import (
    Row,
    cell,
    find_row,
    read_columns,
    read_rows,
    scored_rollouts,
)
from mindspeed_rl_ext.verifiers.audit.summary import listing_lines, summary_lines
from mindspeed_rl_ext.verifiers.checks import resolve_all
from mindspeed_rl_ext.verifiers.options import RAY, ScoreOptions
from mindspeed_rl_ext.verifiers.plugins import import_user_module
from mindspeed_rl_ext.verifiers.scoring import Result, score

DESCRIPTION_ZH = """用打分器给保存的 rollout 打分，训练花钱之前先看结果。

--input 的每一行有 `response` 和 `answer`，还可以有 `id`、`prompt`、`group`、`step`、`num_tokens`
以及打分器需要的任何列。输出会加上 `reward` 和 `verdicts`。

示例：
  msrl-ext score --input rollouts.jsonl --verifier "countdown,countdown_format" --weight 0.8,0.2
  msrl-ext score --input rollouts.jsonl --verifier simplerl,r1_acc --explain "line 7"
  msrl-ext score --input rollouts.jsonl --verifier boxed_acc --compare math-verify,host
  msrl-ext score --check-references train.jsonl
"""

_SHOWN_FAULTS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext score`."""
    add_options(parser, ScoreOptions)


def run(args: argparse.Namespace) -> int:
    """Scores a file, explains a row of it, lists the verifiers, or checks references."""
    options = build_options(ScoreOptions, ("the command line", given_options(ScoreOptions, args)))
    for module in options.modules:
        import_user_module(module)
    if options.list:
        print("\n".join(listing_lines(current_language())))
        return EXIT_DONE
    if options.check_references is not None:
        return _check(options.check_references, options)
    if options.input is None or not options.verifier:
        raise InputError(
            "nothing to score",
            found="no --input" if options.input is None else "no --verifier",
            expected="--input FILE and --verifier NAME",
            remedy="see msrl-ext score --help, or --list for the names",
        )
    return _score(options.input, options)


def _check(path: Path, options: ScoreOptions) -> int:
    checked = check_references(path, options.answer_column, options.label_extractor or "auto")
    for fault in checked.faults[:_SHOWN_FAULTS]:
        show(f"  {fault}")
    failed = len(checked.faults)
    show(f"{checked.count} references, {failed} not equal to themselves")
    return EXIT_CHECK_FAILED if failed else EXIT_DONE


def _score(path: Path, options: ScoreOptions) -> int:
    if options.output is not None:
        _check_output(options.output, path, options.overwrite)
    bound = resolve_all(options.verifier)
    graders = {name: find_grader(name, {HOST: host_grader}) for name in options.compare}
    rows = read_rows(path, options.answer_column, options.label_extractor or "none")
    if options.explain is not None:
        show("\n".join(explain_row(find_row(rows, options.explain, path), bound)))
        return EXIT_DONE
    data = read_columns(rows, bound, path)
    result = _result(options, rows, data)
    if options.output is not None:
        write_jsonl(options.output, (row.to_row() for row in scored_rollouts(rows, result)))
    ids = [str(row.rollout.id) for row in rows]
    show("\n".join(summary_lines(result, ids)))
    for line in _comparisons(bound, rows, data, result, graders):
        show(line)
    if options.output is not None:
        show(f"wrote {len(rows)} rows to {options.output}")
    return EXIT_DONE


def _result(options: ScoreOptions, rows: Sequence[Row], data: dict[str, list[object]]) -> Result:
    responses = [row.rollout.response for row in rows]
    answers = [row.rollout.answer for row in rows]
    weights = options.weight or None
    if options.engine == RAY:
        from mindspeed_rl_ext.integrations import ray  # it imports ray, an extra

        return ray.score(
            responses,
            answers,
            verifiers=options.verifier,
            weights=weights,
            data=data,
            modules=options.modules,
        )
    return score(responses, answers, verifiers=options.verifier, weights=weights, data=data)


def _comparisons(
    bound: Sequence[BoundVerifier],
    rows: Sequence[Row],
    data: dict[str, list[object]],
    result: Result,
    graders: Mapping[str, Grader],
) -> Iterator[str]:
    """Where each second grader disagrees with each verifier that judges the answer."""
    responses = [row.rollout.response for row in rows]
    answers = [row.rollout.answer for row in rows]
    ids = [str(row.rollout.id) for row in rows]
    sources = [cell(row.rollout, DATA_SOURCE) for row in rows]
    for other, grade in graders.items():
        theirs = grade(responses, {DATA_SOURCE: sources, **data, "answer": answers})
        for one in bound:
            if one.verifier.judges_answer is not False:
                ours = result.verdicts[one.name]
                yield from comparison_lines((one.name, other), ours, theirs, answers, ids)


def _check_output(output: Path, source: Path, overwrite: bool) -> None:
    """Raises InputError before anything is scored, where the output would cost a file."""
    if not output.exists():
        return
    if source.exists() and output.samefile(source):
        raise InputError(
            f"--output {output} is the file that is read", remedy="give another name to --output"
        )
    if not overwrite:
        raise InputError(f"--output {output} exists", remedy="--overwrite replaces it")
