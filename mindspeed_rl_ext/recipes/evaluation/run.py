"""One evaluation from options to files: responses, verdicts, figures.

Covers: `evaluate_benchmarks`, what `msrl-ext evaluate` does after reading its flags; generating
batch by batch, so that an interruption loses one batch.
Does not cover: what is written (`outputs`), text for people (`table`). Nothing is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.options import identity_of
from mindspeed_rl_ext.core.progress import progress
from mindspeed_rl_ext.recipes.evaluation.backends import Response, open_backend
from mindspeed_rl_ext.recipes.evaluation.grading import Attempt, check_graders, grade
from mindspeed_rl_ext.recipes.evaluation.journal import Journal
from mindspeed_rl_ext.recipes.evaluation.options import RECORDED, SAMPLING, EvaluateOptions
from mindspeed_rl_ext.recipes.evaluation.outputs import summarised, write_outputs
from mindspeed_rl_ext.recipes.evaluation.problems.benchmarks import BENCHMARKS
from mindspeed_rl_ext.recipes.evaluation.problems.loading import Loaded, Problem, load_benchmark
from mindspeed_rl_ext.recipes.evaluation.problems.prompts import Prompts, build_prompts
from mindspeed_rl_ext.recipes.evaluation.problems.recorded import Recorded, read_recorded

_LOG = logging.getLogger(__name__)


def evaluate_benchmarks(options: EvaluateOptions) -> dict[str, Any]:
    """Evaluates a model, or responses made elsewhere; returns what stands in summary.json.

    Raises:
        InputError: anything that can't be right, as far as possible before a response is made.
    """
    check_graders(options.graders)
    loaded = [
        load_benchmark(b, options.data_dir, options.limit)
        for b in [BENCHMARKS[name] for name in options.benchmark]
    ]
    problems = [problem for one in loaded for problem in one.problems]
    prompts = build_prompts(
        [problem.question for problem in problems],
        options.prompt_type,
        path=options.templates,
        model=options.model,
    )
    recorded = _recorded(options, loaded)
    journal = Journal(
        options.output,
        _identity(options, prompts),
        resume=options.resume,
        overwrite=options.overwrite,
    )
    made: Mapping[str, Sequence[Response]] = journal.done
    if recorded is not None:
        made = recorded.responses
        journal.begin()
    else:
        generate_missing(problems, prompts, options, journal)
    attempts = _attempts(problems, prompts, made, recorded)
    with progress("graded", len(attempts), "response") as shown:
        graded = grade(attempts, options.graders)
        shown.advance(len(attempts))
    summary = {
        "backend": options.backend,
        "model": None if options.model is None else str(options.model),
        "prompt_type": options.prompt_type,
        "sampling": None if recorded is not None else vars(options.sampling),
        "graders": vars(options.graders),
        "step": options.step,
        **summarised(loaded, graded),
        "warnings": [*prompts.warnings, *(w for one in loaded for w in one.warnings)],
    }
    if recorded is not None:
        summary["file"] = {
            "path": str(options.responses),
            "missing": recorded.missing,
            "extra": recorded.extra,
            "duplicates": recorded.duplicates,
        }
    write_outputs(options.output, graded, summary)
    return summary


def _recorded(options: EvaluateOptions, loaded: Sequence[Loaded]) -> Recorded | None:
    if options.backend != RECORDED:
        return None
    if options.responses is None:
        raise InputError("the backend jsonl reads a file", remedy="--responses FILE")
    if options.output.resolve() == options.responses.resolve().parent:
        raise InputError(
            "--output is the directory of the responses that are read",
            found=str(options.output),
            remedy="another --output: this one's files would be replaced",
        )
    return read_recorded(options.responses, loaded)


def generate_missing(
    problems: Sequence[Problem], prompts: Prompts, options: EvaluateOptions, journal: Journal
) -> None:
    """Generates the responses that the journal lacks, in the batches of an uninterrupted run.

    A batch is made as a whole or not at all: with its own seed it gives the same responses, whether
    the run was interrupted before it or not.
    """
    if all(problem.id in journal.done for problem in problems):
        return
    if options.model is None:
        raise InputError(f"the backend {options.backend} needs a model", remedy="--model DIR")
    stop = tuple(dict.fromkeys([*options.sampling.stop, *prompts.stop_words]))
    sampling = replace(options.sampling, stop=stop)
    backend = open_backend(options.backend, options.model, **options.of_backend)
    backend.check(prompts.texts, sampling)
    journal.begin()
    size = backend.batch_size
    with progress("responses", len(problems), "problem") as shown:
        for start in range(0, len(problems), size):
            batch = problems[start : start + size]
            if not all(problem.id in journal.done for problem in batch):
                try:
                    made = backend.generate(prompts.texts[start : start + size], sampling)
                    journal.add([problem.id for problem in batch], made)
                except KeyboardInterrupt:
                    kept = f"{len(journal.done)} of {len(problems)} problems"
                    _LOG.warning("interrupted: the responses to %s are kept in %s; the same "
                                 "command with --resume goes on", kept, journal.path)  # fmt: skip
                    raise
            shown.advance(len(batch))


def _attempts(
    problems: Sequence[Problem],
    prompts: Prompts,
    made: Mapping[str, Sequence[Response]],
    recorded: Recorded | None,
) -> list[Attempt]:
    own = recorded.prompts if recorded is not None else {}
    return [
        Attempt(problem, sample, own.get(problem.id, text), response)
        for problem, text in zip(problems, prompts.texts, strict=True)
        for sample, response in enumerate(made.get(problem.id, ()))
    ]


def _identity(options: EvaluateOptions, prompts: Prompts) -> dict[str, Any]:
    """All that the responses depend on; what the verdicts depend on is not part of it."""
    digest = hashlib.sha256("\0".join(prompts.texts).encode("utf-8", "surrogatepass"))
    paths = {name: getattr(options, name) for name in ("model", "responses")}
    asked = {key: value for key, value in identity_of(options).items() if key not in SAMPLING}
    return {
        **asked,
        "sampling": vars(options.sampling),
        **{name: None if path is None else str(path.resolve()) for name, path in paths.items()},
        "weights": _weights_digest(options.model),
        "prompts_sha256": digest.hexdigest(),
    }


def _weights_digest(model: Path | None) -> str:
    """A mark of the weights: names, sizes and times of the files, not their contents."""
    if model is None or not model.is_dir():
        return ""
    files = sorted(f for f in model.iterdir() if f.suffix in (".safetensors", ".bin"))
    stats = [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files]
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest()[:16]
