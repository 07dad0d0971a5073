"""Doubles of the hosts, and a Python that has the hook and one of them on its path."""

from __future__ import annotations

import os
import shutil
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

DOUBLES = Path(__file__).parent / "doubles"
RULES = "models/rule_verifier.py"
HANDLERS = "datasets/data_handler.py"
CHECKS = "config_cls/validate_config.py"

# A variant of the double is its text with parts replaced: file, old, new.
VARIANTS: dict[str, list[tuple[str, str, str]]] = {
    "2.2": [],
    "2.0": [(RULES, 'f"{name}_rewards/mean"', 'f"grpo/{name}_rewards/mean"')],
    "verifier takes other arguments": [
        (RULES, "def verifier(responses, data, config, **kwargs)", "def verifier(data, config)"),
        (
            RULES,
            "verifier(texts, columns, rl_config)",
            "verifier({**columns, 1: texts}, rl_config)",
        ),
        (RULES, "sequences=responses", "sequences=data[1]"),
    ],
    "verifier is gone": [(RULES, " verifier(", " judge(")],
    "metrics have another key": [(RULES, "_rewards/mean", "_reward")],
    "handlers are found in another way": [(HANDLERS, "_get_handler_cls(", "_find(")],
    "handlers take other arguments": [(HANDLERS, "self, args, raw_datasets", "self, args, rows")],
    "the allow-list takes other arguments": [
        (CHECKS, "validate_data_handler_config(config)", "validate_data_handler_config(c)"),
        (CHECKS, "config.", "c."),
    ],
}


@pytest.fixture
def host(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a double of MindSpeed-RL and returns the folder that goes on the path."""

    def make(variant: str = "2.2") -> Path:
        folder = tmp_path / variant.replace(" ", "_")
        shutil.copytree(DOUBLES / "rl_22", folder, ignore=shutil.ignore_patterns("__pycache__"))
        for name, old, new in VARIANTS[variant]:
            file = folder / "mindspeed_rl" / name
            text = file.read_text()
            assert old in text, f"the double has no {old!r}"
            file.write_text(text.replace(old, new))
        return folder

    return make


PRELUDE = '''
from types import SimpleNamespace

import numpy


class Tokenizer:
    """Token ids are code points; 0 is special."""

    def batch_decode(self, rows, skip_special_tokens=False):
        return ["".join(chr(i) for i in row if i) for row in numpy.asarray(rows).tolist()]


def ids(texts):
    width = max(map(len, texts))
    return numpy.array([[ord(c) for c in text] + [0] * (width - len(text)) for text in texts])


def config(names, weights=None, **more):
    weights = [1.0] * len(names) if weights is None else weights
    return SimpleNamespace(verifier_function=names, verifier_weight=weights, **more)


def compute(names, responses, labels, *, weights=None, prompts=None, keys=("labels",), **more):
    from mindspeed_rl.workers.rule_reward import compute_verifier_score

    batch = {
        "responses": ids(responses),
        "response_length": numpy.array([[len(text)] for text in responses]),
        "labels": ids(labels),
        **{name: ids(texts) for name, texts in more.items()},
    }
    if prompts is not None:
        batch["prompts"] = ids(prompts)
    megatron = SimpleNamespace(dataset_additional_keys=list(keys))
    return compute_verifier_score(batch, megatron, config(names, weights), Tokenizer())
'''


@pytest.fixture
def run_python(hooked_python: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Runs code in a fresh Python with the hook; `PRELUDE` gives it `compute` and `config`."""

    def run(code: str, *paths: Path, flags: tuple[str, ...] = (), **env: str):
        script = tmp_path / "script.py"
        script.write_text(PRELUDE + textwrap.dedent(code))
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MSRL", "PYTHON"))}
        search = os.pathsep.join(map(str, paths))
        return subprocess.run(
            [hooked_python, *flags, script],
            env={**inherited, "PYTHONPATH": search, "OMP_NUM_THREADS": "1", **env},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def check_python(run_python) -> Callable[..., str]:
    """Like `run_python`, and the code must succeed; returns what it wrote to stderr."""

    def check(code: str, *paths: Path, **env: str) -> str:
        done = run_python(code, *paths, **env)
        assert done.returncode == 0, done.stderr
        return done.stderr

    return check
