"""Scores saved rollouts with verifiers, before a run costs anything.

Each line of --input has `response` and `answer`, optionally `id`, `prompt`, `group`, `step`,
`num_tokens` and any column that a verifier needs. The output adds `reward` and `verdicts`.

Example:
  msrl-ext score --input rollouts.jsonl --verifier "countdown,countdown_format" --weight 0.8,0.2
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.errors import InputError
from mindspeed_rl_ext.jsonlines import write_jsonl
from mindspeed_rl_ext.rollouts import OPTIONAL_COLUMNS, Rollout, VerdictRow, read_rollouts
from mindspeed_rl_ext.verifiers.api import BoundVerifier, registry_names, verifier_named
from mindspeed_rl_ext.verifiers.scoring import Result, resolve_all, score
from mindspeed_rl_ext.verifiers.spec import split_specs


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
    parser.add_argument("--list", action="store_true", help="show the verifiers and end")


def run(args: argparse.Namespace) -> int:
    """Scores a file, or lists the verifiers."""
    if args.list:
        print(_listing())
        return 0
    if args.input is None or not args.verifier:
        raise InputError(
            "nothing to score",
            expected="--input FILE and --verifier NAME",
            remedy="see msrl-ext score --help, or --list for the names",
        )
    specs = [spec for words in args.verifier for spec in split_specs(words)]
    bound = resolve_all(specs)
    weights = _weights(args.weight)
    rollouts = list(read_rollouts(args.input))
    if not rollouts:
        raise InputError(f"{args.input} has no rows", remedy="give a file with rollouts")
    result = score(
        [rollout.response for rollout in rollouts],
        [rollout.answer for rollout in rollouts],
        verifiers=specs,
        weights=weights,
        data=_columns(rollouts, bound, args.input),
    )
    if args.output is not None:
        write_jsonl(args.output, (row.to_row() for row in _scored(rollouts, result)))
    print(_report(result))
    if args.output is not None:
        print(f"wrote {len(rollouts)} rows to {args.output}")
    return 0


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
        lines.append(f"    {found.summary}")
    return "\n".join(lines)
