"""Scores saved rollouts with verifiers, before a run costs anything.

Each line of --input has `response` and `answer`, optionally `id`, `prompt`, `group`, `step`,
`num_tokens` and any column that a verifier needs. The output adds `reward` and `verdicts`.

Example:
  msrl-ext score --input rollouts.jsonl --verifier "countdown,countdown_format" --weight 0.8,0.2
  msrl-ext score --input rollouts.jsonl --verifier simplerl,r1_acc --explain "line 7"
  msrl-ext score --check-references train.jsonl
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from mindspeed_rl_ext.core.errors import EXIT_CHECK_FAILED, EXIT_DONE, InputError, nearest
from mindspeed_rl_ext.core.jsonlines import write_jsonl
from mindspeed_rl_ext.core.rollouts import OPTIONAL_COLUMNS, Rollout, VerdictRow, read_rollouts
from mindspeed_rl_ext.verifiers.api import BoundVerifier
from mindspeed_rl_ext.verifiers.audit.explaining import disagreements, explained
from mindspeed_rl_ext.verifiers.audit.references import check_references
from mindspeed_rl_ext.verifiers.checks import resolve_all
from mindspeed_rl_ext.verifiers.plugins import import_user_module
from mindspeed_rl_ext.verifiers.registry import registry_names, verifier_named
from mindspeed_rl_ext.verifiers.scoring import Result
from mindspeed_rl_ext.verifiers.spec import split_specs

# By name: the verifiers room knows no integration, the command only passes the word on.
_ENGINES = {
    "local": "mindspeed_rl_ext.verifiers.scoring:score",
    "ray": "mindspeed_rl_ext.integrations.ray:score",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext score`."""
    parser.add_argument("--input", type=Path, metavar="FILE", help="rollouts, JSON Lines")
    parser.add_argument(
        "--verifier", action="append", default=[], metavar="A,B(key=value)",
        help="verifiers, separated by commas or by giving the flag again",
    )  # fmt: skip
    parser.add_argument(
        "--weight", action="append", default=[], metavar="W,W",
        help="as many weights as verifiers; 1 each where left out",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the scored rows go")
    parser.add_argument("--overwrite", action="store_true", help="replace an --output that exists")
    parser.add_argument(
        "--engine", choices=sorted(_ENGINES), default="local",
        help="where the verifiers run: this process, or tasks of a Ray cluster",
    )  # fmt: skip
    parser.add_argument(
        "--import", dest="modules", action="append", default=[], metavar="MODULE",
        help="a module that registers verifiers of yours; may be given again",
    )  # fmt: skip
    parser.add_argument(
        "--explain", metavar="ID", help="show one row step by step instead of the counts"
    )
    parser.add_argument(
        "--check-references", type=Path, metavar="FILE",
        help="compare each reference answer of a data set with itself; exit 1 if one fails",
    )  # fmt: skip
    parser.add_argument(
        "--answer-column", default="answer", metavar="NAME",
        help="the column that --check-references reads",
    )  # fmt: skip
    parser.add_argument(
        "--label-extractor", default="auto", metavar="HOW",
        help="what --check-references takes out of that column: auto, none, gsm8k, boxed, "
        "last-number or regex:PATTERN",
    )  # fmt: skip
    parser.add_argument("--list", action="store_true", help="show the verifiers and end")


def run(args: argparse.Namespace) -> int:
    """Scores a file, lists the verifiers, or checks references."""
    for module in args.modules:
        import_user_module(module)
    if args.list:
        print(_listing())
        return EXIT_DONE
    if args.check_references is not None:
        return _check(args.check_references, args.answer_column, args.label_extractor)
    if args.input is None or not args.verifier:
        raise InputError(
            "nothing to score",
            expected="--input FILE and --verifier NAME",
            remedy="see msrl-ext score --help, or --list for the names",
        )
    if args.output is not None:
        _check_output(args.output, args.input, args.overwrite)
    specs = [spec for words in args.verifier for spec in split_specs(words)]
    bound = resolve_all(specs)
    weights = _weights(args.weight)
    rollouts = list(read_rollouts(args.input))
    if not rollouts:
        raise InputError(f"{args.input} has no rows", remedy="give a file with rollouts")
    if args.explain is not None:
        print("\n".join(explained(_row(rollouts, args.explain, args.input), bound)))
        return EXIT_DONE
    more = {"modules": args.modules} if args.engine == "ray" else {}
    result = _engine(args.engine)(
        [rollout.response for rollout in rollouts],
        [rollout.answer for rollout in rollouts],
        verifiers=specs,
        weights=weights,
        data=_columns(rollouts, bound, args.input),
        **more,
    )
    if args.output is not None:
        write_jsonl(args.output, (row.to_row() for row in _scored(rollouts, result)))
    print(_report(result))
    if args.output is not None:
        print(f"wrote {len(rollouts)} rows to {args.output}")
    return EXIT_DONE


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


def _engine(name: str) -> Callable[..., Result]:
    """The function that scores; only the one that was asked for is imported."""
    module, _, function = _ENGINES[name].partition(":")
    return cast("Callable[..., Result]", getattr(import_module(module), function))


def _check(path: Path, column: str, extractor: str) -> int:
    checked = check_references(path, column, extractor)
    for fault in checked.faults[:20]:
        print(f"  {fault}")
    failed = len(checked.faults)
    print(f"{checked.count} references, {failed} not equal to themselves")
    return EXIT_CHECK_FAILED if failed else EXIT_DONE


def _row(rollouts: Sequence[Rollout], wanted: str, path: Path) -> Rollout:
    for rollout in rollouts:
        if rollout.id == wanted:
            return rollout
    raise InputError(
        f"{path} has no row with the id {wanted!r}",
        remedy=nearest(wanted, [str(rollout.id) for rollout in rollouts]),
    )


def _weights(words: Sequence[str]) -> list[float] | None:
    texts = [text.strip() for word in words for text in word.split(",") if text.strip()]
    try:
        return [float(text) for text in texts] or None
    except ValueError as error:
        raise InputError(
            "a weight is not a number",
            found=", ".join(texts),
            expected="for example --weight 0.5,0.5",
            remedy="mend --weight",
        ) from error


def _columns(
    rollouts: Sequence[Rollout], bound: Sequence[BoundVerifier], path: Path
) -> dict[str, list[Any]]:
    """The columns that the verifiers need, each row checked."""
    needs = {need for one in bound for need in one.needs} - {"answer"}
    columns: dict[str, list[Any]] = {}
    for need in sorted(needs):
        columns[need] = [_cell(rollout, need, path) for rollout in rollouts]
    return columns


def _cell(rollout: Rollout, need: str, path: Path) -> Any:
    value = getattr(rollout, need) if need in OPTIONAL_COLUMNS else rollout.extra.get(need)
    if value is None:
        raise InputError(
            f"{path}: row {rollout.id} has no column {need!r}, which a verifier needs",
            found=f"columns {', '.join(sorted(rollout.to_row()))}",
            remedy="add the column, or leave the verifier out",
        )
    return value


def _scored(rollouts: Sequence[Rollout], result: Result) -> list[Rollout]:
    rows = []
    for i, rollout in enumerate(rollouts):
        verdicts = {
            name: VerdictRow(v.score, v.outcome.value, v.reason, v.stage)
            for name, column in result.verdicts.items()
            for v in [column[i]]
        }
        rows.append(replace(rollout, reward=result.rewards[i], verdicts=verdicts))
    return rows


def _report(result: Result) -> str:
    count = len(result.rewards)
    lines = [f"{count} responses, mean reward {sum(result.rewards) / count:.4f}"]
    for name, verdicts in result.verdicts.items():
        mean = sum(verdict.score for verdict in verdicts) / count
        outcomes = Counter(verdict.outcome.value for verdict in verdicts)
        shown = ", ".join(f"{outcome} {n}" for outcome, n in outcomes.most_common())
        lines.append(f"  {name}: mean {mean:.4f}; {shown}")
    if len(result.verdicts) > 1:
        lines += disagreements(result.verdicts)
    return "\n".join(lines)


def _listing() -> str:
    lines = []
    for name in registry_names():
        found = verifier_named(name)
        levels = " / ".join(f"{level:g}" for level in found.levels) or "any number"
        parameters = "".join(f" {key}={value!r}" for key, value in found.parameters.items())
        lines.append(f"{name}  levels: {levels}  needs: {', '.join(found.needs) or 'nothing'}")
        if parameters:
            lines.append(f"    parameters:{parameters}")
        lines.append(f"    {found.summary.en}")
    return "\n".join(lines)
