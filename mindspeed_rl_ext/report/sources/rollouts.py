"""One pass over the rollouts: numbers for each step, and a sample to look at.

Covers: the three classes of the CS336 note, lengths, how many responses differ, which are echoes
of the template, broken lines, a bounded sample spread over steps and outcomes.
Does not cover: scoring; verdicts are read as they were written.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.jsonlines import parse_object
from mindspeed_rl_ext.core.responses import metrics
from mindspeed_rl_ext.core.responses.rollouts import Rollout, from_row
from mindspeed_rl_ext.report.series import Series
from mindspeed_rl_ext.report.sources.record import Broken
from mindspeed_rl_ext.report.sources.reward_hacks import IDENTICAL, SIGNS, AnswerCounts, signs_of
from mindspeed_rl_ext.report.sources.rows import Row
from mindspeed_rl_ext.report.sources.verifier_kinds import answer_verifier, judges_format
from mindspeed_rl_ext.report.sources.verl import dump_files, dump_lines, is_padding, to_rollout

RIGHT, WRONG, NEITHER = "right", "wrong", "neither"
CLASSES = (RIGHT, WRONG, NEITHER)
MAX_SAMPLE = 2_000
_ECHO_PROBES_A_STEP = 16


@dataclass
class StepRollouts:
    """What the rollouts of one step come to.

    Args:
        step: training step; 0 where the file names none.
        number: of rollouts.
        classes: how many are in each of `CLASSES`; empty where nothing was scored.
        texts: how often each response occurs, by hash.
        groups: the prompts or groups in which each response occurs, by hash.
        example: one text of each hash that occurs most.
        echoes: of the probed ones, how many echo the template; with `probed`.
        signs: how many show each sign of `reward_hacks`; those that are right in `paid_signs`.
        answers: what was stated, and the references.
    """

    step: int
    number: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    texts: Counter[int] = field(default_factory=Counter)
    groups: dict[int, set[int]] = field(default_factory=dict)
    example: dict[int, str] = field(default_factory=dict)
    all_groups: set[int] = field(default_factory=set)
    sums: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    lengths: tuple[int, int] | None = None
    echoes: int = 0
    probed: int = 0
    echo_example: str = ""
    signs: Counter[str] = field(default_factory=Counter)
    paid_signs: Counter[str] = field(default_factory=Counter)
    answers: AnswerCounts = field(default_factory=AnswerCounts)


@dataclass(frozen=True)
class RolloutScan:
    """All that is known of a run's rollouts.

    Args:
        path: the file.
        number: of readable rollouts.
        steps: by step, rising.
        sample: at most `MAX_SAMPLE` rollouts, in order of steps.
        broken: lines that could not be read.
        padding: rows of a dump that stand in the place of rows which failed; they are not counted
            in anything else.
    """

    path: Path
    number: int
    steps: tuple[StepRollouts, ...]
    sample: tuple[Rollout, ...]
    broken: Broken
    padding: int = 0


def scan_rollouts(path: Path, max_sample: int = MAX_SAMPLE) -> RolloutScan:
    """Reads a rollouts file, or a folder of verl's dumps.

    Args:
        path: JSON Lines as `core.responses.rollouts` describes them, or the folder.
        max_sample: rollouts kept to look at.
    """
    steps: dict[int, StepRollouts] = {}
    sample = _Sample(max_sample)
    broken = Broken()
    number = padding = 0
    for at, (place, line) in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = parse_object(line, "line")
            if path.is_dir() and is_padding(row):
                padding += 1
                continue
            rollout = to_rollout(row, "line") if path.is_dir() else None
            rollout = rollout or from_row(row, "line", default_id=place)
        except InputError as error:
            broken.add(at, error.what.removeprefix("line ").lstrip(": "))
            continue
        number += 1
        step = rollout.step or 0
        _count(steps.setdefault(step, StepRollouts(step)), rollout)
        sample.offer(rollout)
    ordered = tuple(steps[step] for step in sorted(steps))
    return RolloutScan(path, number, ordered, sample.kept(), broken, padding)


def _lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every line with its name."""
    if path.is_dir():
        yield from dump_lines(dump_files(path))
        return
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            yield f"line {number}", line


def class_of(rollout: Rollout) -> str | None:
    """Which of the three classes a scored rollout is in; None where no verifier judges its answer.

    Right: format and answer are. Wrong: the format is, the answer is not. Neither: the rest.

    Example:
        >>> from mindspeed_rl_ext.core.responses.rollouts import VerdictRow
        >>> row = {"r1_format": VerdictRow(1.0, "CORRECT"), "acc": VerdictRow(0.0, "WRONG")}
        >>> class_of(Rollout(response="", answer="", verdicts=row))
        'wrong'
    """
    name = answer_verifier([*rollout.verdicts])
    if name is None:
        return None
    outcome = rollout.verdicts[name].outcome
    if outcome == "SCORED":
        return None
    formats = [v.outcome for n, v in rollout.verdicts.items() if judges_format(n)]
    if any(one != "CORRECT" for one in formats):
        return NEITHER
    return class_of_outcome(outcome, format_is_known=bool(formats))


def class_of_outcome(outcome: str, *, format_is_known: bool = False) -> str:
    """The class that an answer verifier's outcome means.

    Example:
        >>> [class_of_outcome(name) for name in ("CORRECT", "WRONG", "NO_ANSWER", "TIMEOUT")]
        ['right', 'wrong', 'neither', 'wrong']
    """
    if outcome == "CORRECT":
        return RIGHT
    if outcome in ("NO_ANSWER", "BAD_FORMAT") and not format_is_known:
        return NEITHER
    return WRONG


def rows_of(scan: RolloutScan) -> list[Row]:
    """Metrics that rollouts alone give, for a run without a log of metrics."""
    return [(of.step, _numbers(of)) for of in scan.steps]


def series_of_signs(scan: RolloutScan) -> dict[str, Series]:
    """The fraction of responses with each sign of `reward_hacks`, over the steps."""
    at = np.asarray([of.step for of in scan.steps], dtype=np.int64)
    shares = {sign: [of.signs[sign] / of.number for of in scan.steps] for sign in (*SIGNS,)}
    shares[IDENTICAL] = [of.answers.share for of in scan.steps]
    named = {sign_key(sign): np.asarray(values) for sign, values in shares.items()}
    return {name: Series(name, at, values) for name, values in named.items()}


def sign_key(sign: str) -> str:
    """The metric of a sign.

    Example:
        >>> sign_key("hedged")
        'reward_hack/hedged/frac'
    """
    return f"reward_hack/{sign}/frac"


def _numbers(of: StepRollouts) -> Mapping[str, float]:
    values = {name: total / of.number for name, total in of.sums.items()}
    if of.lengths is not None:
        values[f"{metrics.RESPONSE_LENGTH}/min"] = float(of.lengths[0])
        values[f"{metrics.RESPONSE_LENGTH}/max"] = float(of.lengths[1])
    return values


def _count(of: StepRollouts, rollout: Rollout) -> None:
    of.number += 1
    kind = class_of(rollout)
    if kind is not None:
        of.classes[kind] += 1
    if rollout.reward is not None:
        of.sums[metrics.REWARD_MEAN] += rollout.reward
    if rollout.num_tokens is not None:
        low, high = of.lengths or (rollout.num_tokens, rollout.num_tokens)
        of.lengths = min(low, rollout.num_tokens), max(high, rollout.num_tokens)
        of.sums[f"{metrics.RESPONSE_LENGTH}/mean"] += rollout.num_tokens
    for name, verdict in rollout.verdicts.items():
        of.sums[metrics.reward_key(name)] += verdict.score
        of.sums[metrics.outcome_key(name, verdict.outcome)] += 1
    text = hash(rollout.response.strip())
    group = hash(rollout.group if rollout.group is not None else rollout.prompt)
    of.texts[text] += 1
    of.groups.setdefault(text, set()).add(group)
    of.all_groups.add(group)
    of.answers.add(rollout, group)
    for sign in signs_of(rollout):
        of.signs[sign] += 1
        of.paid_signs[sign] += kind == RIGHT
    if of.texts[text] == 1 and len(of.example) < 64:
        of.example[text] = rollout.response
    _probe_echo(of, rollout)


def _probe_echo(of: StepRollouts, rollout: Rollout) -> None:
    if rollout.prompt is None or of.probed >= _ECHO_PROBES_A_STEP:
        return
    from mindspeed_rl_ext.verifiers.builtin.template_copy import template_copy

    of.probed += 1
    if template_copy(rollout.response, prompt=rollout.prompt).outcome.name != "CORRECT":
        of.echoes += 1
        of.echo_example = of.echo_example or rollout.response


class _Sample:
    """Keeps rollouts evenly over steps, and of each step some of every outcome.

    A step keeps at most its share; when new steps make the share smaller, kept ones are thinned.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rng = random.Random(0)
        self._by_step: dict[int, list[tuple[int, Rollout]]] = {}
        self._seen: Counter[int] = Counter()
        self._number = 0

    def offer(self, rollout: Rollout) -> None:
        step = rollout.step or 0
        kept = self._by_step.setdefault(step, [])
        self._number += 1
        self._seen[step] += 1
        share = max(1, self._limit // len(self._by_step))
        if len(kept) < share:
            kept.append((self._number, rollout))
            return
        at = self._rng.randrange(self._seen[step])
        if at < len(kept):
            kept[at] = (self._number, rollout)
        if len(kept) > 2 * share:
            del kept[share:]

    def kept(self) -> tuple[Rollout, ...]:
        steps = sorted(self._by_step)
        if len(steps) > self._limit:
            picks = [steps[i * len(steps) // self._limit] for i in range(self._limit)]
            steps = sorted(set(picks))
        share = max(1, self._limit // max(1, len(steps)))
        chosen = []
        for step in steps:
            chosen += [
                rollout
                for _, rollout in sorted(self._by_step[step][:share], key=lambda pair: pair[0])
            ]
        return tuple(chosen)
