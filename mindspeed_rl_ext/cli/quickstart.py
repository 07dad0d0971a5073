"""The whole loop in a few minutes on two CPU cores, nothing downloaded.

A tiny Qwen2 and a Countdown task are made on the spot; prompts are packed, the policy is warmed
up, converted to Megatron-core and back, trained with GRPO on our verifiers and evaluated on
problems it has not seen. With --input your own data is preprocessed instead, and its reference
answers are scored.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
import warnings
from importlib.util import find_spec
from pathlib import Path

from mindspeed_rl_ext.cli._output import show
from mindspeed_rl_ext.core.errors import (
    EXIT_CHECK_FAILED,
    EXIT_DONE,
    InputError,
    MissingExtraError,
)
from mindspeed_rl_ext.core.options import add_options, build_options, given_options
from mindspeed_rl_ext.recipes.quickstart.options import (
    DEFAULT_OUTPUT,
    QuickstartOptions,
    is_full_length,
    loop_recipe,
)

DESCRIPTION_ZH = """在两个 CPU 核上几分钟走完整个流程，无需下载。

当场造出一个很小的 Qwen2 和 Countdown 任务：打包提示，预热策略，转换到 Megatron-core 再转回，
用我们的打分器做 GRPO 训练，在没见过的题上评测。给出 --input 时改为预处理你自己的数据，并给其中的
参考答案打分。
"""

EXAMPLES_SHOWN = 5
# Looked for before the first stage, not found missing minutes later; with the extras of each.
OWN_DATA_LIBRARIES = {"transformers": "train", "tokenizers": "train"}
LOOP_LIBRARIES = {
    **OWN_DATA_LIBRARIES,
    "torch": "train",
    "trl": "train",
    "datasets": "train",
    "matplotlib": "report",
}
_OF_OWN_DATA = ("tokenizer_name_or_path", "prompt_type", "label_extractor", "verifier")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext quickstart`."""
    add_options(parser, QuickstartOptions)


def run(args: argparse.Namespace) -> int:
    """Runs the loop, or the user's own data; returns the exit code."""
    given = given_options(QuickstartOptions, args)
    options = build_options(QuickstartOptions, ("the command line", given))
    _require_libraries(OWN_DATA_LIBRARIES if options.input is not None else LOOP_LIBRARIES)
    _stay_offline_and_quiet()
    output, overwrite = options.output or DEFAULT_OUTPUT, options.overwrite or not options.output
    if options.input is not None:
        return _run_own_data(options, options.input, output, overwrite=overwrite)
    return _run_loop(options, output, overwrite=overwrite)


def _run_loop(options: QuickstartOptions, output: Path, *, overwrite: bool) -> int:
    from mindspeed_rl_ext.recipes.device import use_one_thread
    from mindspeed_rl_ext.recipes.quickstart.checks import check_figures
    from mindspeed_rl_ext.recipes.quickstart.stages import stages_of
    from mindspeed_rl_ext.recipes.quickstart.workspace import (
        MARK,
        RESULTS_FILE,
        Workspace,
        prepare,
    )

    recipe = loop_recipe(options)
    prepare(output, overwrite=overwrite)
    work = Workspace(output, options, recipe)
    use_one_thread()
    rows: list[tuple[str, str, float]] = []
    stages = stages_of(work)
    for number, stage in enumerate(stages, start=1):
        show(f"[{number}/{len(stages)}] {stage.name}")
        start_s = time.monotonic()
        rows.append((stage.name, stage.run(work), time.monotonic() - start_s))
    checks, decided = check_figures(work), is_full_length(recipe)
    work.write(
        RESULTS_FILE,
        {
            **MARK,
            "stages": {name: {"result": text, "seconds": s} for name, text, s in rows},
            "checks": {c.name: {"value": c.value, "expected": c.expected} for c in checks},
            "judged": decided,
            "ok": all(c.ok for c in checks) if decided else None,
        },
    )
    _print_table(rows)
    for check in checks:
        verdict = ("ok" if check.ok else "NOT REACHED") if decided else "not judged: fewer steps"
        show(f"{check.name}: {check.value:+.3f} (expected {check.expected}): {verdict}")
    return EXIT_CHECK_FAILED if decided and not all(c.ok for c in checks) else EXIT_DONE


def _run_own_data(asked: QuickstartOptions, source: Path, output: Path, *, overwrite: bool) -> int:
    from mindspeed_rl_ext.recipes.quickstart.own_data import OwnDataOptions, run_own_data
    from mindspeed_rl_ext.recipes.quickstart.workspace import discard, prepare

    if asked.map_keys is None:
        raise InputError(
            "--input needs --map-keys",
            expected='JSON such as {"prompt":"question","response":"answer"}',
            remedy="name the columns of the prompt and of the response",
        )
    chosen = {name: getattr(asked, name) for name in _OF_OWN_DATA if getattr(asked, name)}
    options = OwnDataOptions(source, dict(asked.map_keys), output, **chosen)
    options.check()
    prepare(output, overwrite=overwrite)
    try:
        result = run_own_data(options)
    except BaseException:
        discard(output)
        raise
    report = result.report
    dropped = ", ".join(f"{n} {reason}" for reason, n in report.dropped.items()) or "none"
    show(f"rows kept      {report.kept}")
    show(f"rows dropped   {dropped}")
    show(f"prompt tokens  {report.tokens}")
    show(f"seconds        {result.seconds:.1f} ({report.seconds:.1f} of them to preprocess)")
    show(f"packed files   {output / 'packed'}")
    count, failed, accepted = result.num_references, result.failed, result.accepted
    show(f"references     {count - len(failed)} of {count} get the full score (expected: all)")
    show(f"perturbed      {len(accepted)} of {count} get the full score (expected: none)")
    for what, answers in (("without the full score", failed), ("accepted perturbed", accepted)):
        if answers:
            show(f"{what}: {', '.join(map(repr, answers[:EXAMPLES_SHOWN]))}")
    return EXIT_CHECK_FAILED if failed or accepted else EXIT_DONE


def _print_table(rows: list[tuple[str, str, float]]) -> None:
    width = max(len(name) for name, _, _ in rows)
    print()
    for name, text, seconds in rows:
        show(f"{name:<{width}}  {seconds:6.1f} s  {text}")
    show(f"{'all':<{width}}  {sum(s for _, _, s in rows):6.1f} s\n")


def _require_libraries(extras: dict[str, str]) -> None:
    missing = [name for name in extras if find_spec(name) is None]
    if missing:
        wanted = ",".join(dict.fromkeys(extras.values()))
        raise MissingExtraError(" and ".join(missing), wanted, "the quickstart")


def _stay_offline_and_quiet() -> None:
    """Keeps the libraries from asking a hub, and their advice out of the table."""
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "TRANSFORMERS_NO_ADVISORY_WARNINGS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    warnings.simplefilter("ignore", FutureWarning)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    logging.getLogger("trl").setLevel(logging.ERROR)
    if not sys.warnoptions:
        warnings.simplefilter("ignore", UserWarning)
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
