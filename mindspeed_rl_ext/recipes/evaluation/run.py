"""One evaluation from settings to files: responses, verdicts, figures.

Covers: `evaluate_benchmarks`, what `msrl-ext evaluate` does after reading its flags; generating
batch by batch, so that an interruption loses one batch.
Does not cover: what is written (`outputs`), text for people (`table`). Nothing is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.progress import progress
from mindspeed_rl_ext.recipes.evaluation.backends import Response, Sampling, open_backend
from mindspeed_rl_ext.recipes.evaluation.grading import Attempt, Graders, check_graders, grade
from mindspeed_rl_ext.recipes.evaluation.journal import Journal
from mindspeed_rl_ext.recipes.evaluation.outputs import summarised, write_outputs
from mindspeed_rl_ext.recipes.evaluation.problems.benchmarks import Benchmark
from mindspeed_rl_ext.recipes.evaluation.problems.loading import Loaded, Problem, load_benchmark
from mindspeed_rl_ext.recipes.evaluation.problems.prompts import Prompts, build_prompts
from mindspeed_rl_ext.recipes.evaluation.problems.recorded import Recorded, read_recorded

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class EvaluationSettings:
    """What to evaluate and how.

    Args:
        benchmarks: which.
        data_dir: holds `<name>/test.jsonl`.
        backend: "hf", "vllm" or "jsonl".
        output: directory for all files.
        model: a HuggingFace model directory; None only for jsonl.
        responses: the file of the backend jsonl.
        prompt_type: a name of templates.json, or "tokenizer".
        prompt_type_path: another templates.json.
        sampling: how responses are drawn; not used by jsonl.
        graders: the verifiers.
        limit: only the first problems of each benchmark.
        options: of the backend, such as `batch_size`.
        resume: go on with an interrupted evaluation in `output`.
        overwrite: replace an earlier evaluation in `output`.
        step: training step of the model, for `metrics.jsonl`.
    """

    benchmarks: Sequence[Benchmark]
    data_dir: Path
    backend: str
    output: Path
    model: Path | None = None
    responses: Path | None = None
    prompt_type: str = "qwen_math_r1"
    prompt_type_path: str | None = None
    sampling: Sampling = field(default_factory=Sampling)
    graders: Graders = field(default_factory=Graders)
    limit: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    resume: bool = False
    overwrite: bool = False
    step: int = 0


def evaluate_benchmarks(settings: EvaluationSettings) -> dict[str, Any]:
    """Evaluates a model, or responses made elsewhere; returns what stands in summary.json.

    Raises:
        InputError: anything that can't be right, as far as possible before a response is made.
    """
    check_graders(settings.graders)
    loaded = [load_benchmark(b, settings.data_dir, settings.limit) for b in settings.benchmarks]
    problems = [problem for one in loaded for problem in one.problems]
    prompts = build_prompts(
        [problem.question for problem in problems],
        settings.prompt_type,
        path=settings.prompt_type_path,
        model=settings.model,
    )
    recorded = _recorded(settings, loaded)
    journal = Journal(
        settings.output,
        _identity(settings, prompts),
        resume=settings.resume,
        overwrite=settings.overwrite,
    )
    made: Mapping[str, Sequence[Response]] = journal.done
    if recorded is not None:
        made = recorded.responses
        journal.begin()
    else:
        generate_missing(problems, prompts, settings, journal)
    attempts = _attempts(problems, prompts, made, recorded)
    with progress("graded", len(attempts), "response") as shown:
        graded = grade(attempts, settings.graders)
        shown.advance(len(attempts))
    summary = {
        "backend": settings.backend,
        "model": None if settings.model is None else str(settings.model),
        "prompt_type": settings.prompt_type,
        "sampling": None if recorded is not None else vars(settings.sampling),
        "graders": vars(settings.graders),
        "step": settings.step,
        **summarised(loaded, graded),
        "warnings": [*prompts.warnings, *(w for one in loaded for w in one.warnings)],
    }
    if recorded is not None:
        summary["file"] = {
            "path": str(settings.responses),
            "missing": recorded.missing,
            "extra": recorded.extra,
            "duplicates": recorded.duplicates,
        }
    write_outputs(settings.output, graded, summary)
    return summary


def _recorded(settings: EvaluationSettings, loaded: Sequence[Loaded]) -> Recorded | None:
    if settings.backend != "jsonl":
        return None
    if settings.responses is None:
        raise InputError("the backend jsonl reads a file", remedy="--responses FILE")
    if settings.output.resolve() == settings.responses.resolve().parent:
        raise InputError(
            "--output is the directory of the responses that are read",
            found=str(settings.output),
            remedy="another --output: this one's files would be replaced",
        )
    return read_recorded(settings.responses, loaded)


def generate_missing(
    problems: Sequence[Problem], prompts: Prompts, settings: EvaluationSettings, journal: Journal
) -> None:
    """Generates the responses that the journal lacks, in the batches of an uninterrupted run.

    A batch is made as a whole or not at all: with its own seed it gives the same responses, whether
    the run was interrupted before it or not.
    """
    if all(problem.id in journal.done for problem in problems):
        return
    if settings.model is None:
        raise InputError(f"the backend {settings.backend} needs a model", remedy="--model DIR")
    stop = tuple(dict.fromkeys([*settings.sampling.stop, *prompts.stop_words]))
    sampling = replace(settings.sampling, stop=stop)
    backend = open_backend(settings.backend, settings.model, **settings.options)
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


def _identity(settings: EvaluationSettings, prompts: Prompts) -> dict[str, Any]:
    """All that the responses depend on; what the verdicts depend on is not part of it."""
    digest = hashlib.sha256("\0".join(prompts.texts).encode("utf-8", "surrogatepass"))
    return {
        "backend": settings.backend,
        "benchmarks": [benchmark.name for benchmark in settings.benchmarks],
        "limit": settings.limit,
        "model": None if settings.model is None else str(settings.model.resolve()),
        "weights": _weights_digest(settings.model),
        "prompt_type": settings.prompt_type,
        "prompts_sha256": digest.hexdigest(),
        "sampling": vars(settings.sampling),
        "options": {key: str(value) for key, value in settings.options.items()},
        "responses": None if settings.responses is None else str(settings.responses.resolve()),
    }


def _weights_digest(model: Path | None) -> str:
    """A mark of the weights: names, sizes and times of the files, not their contents."""
    if model is None or not model.is_dir():
        return ""
    files = sorted(f for f in model.iterdir() if f.suffix in (".safetensors", ".bin"))
    stats = [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files]
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest()[:16]
