"""MindSpeed-LLM: the handler in its own script, verifiers of the lines that train themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

DOUBLE = Path(__file__).parent / "doubles" / "llm_feb25"
ALGOS = "mindspeed_llm/tasks/posttrain/rlxf/training/core_algos.py"
HANDLER = "AlpacaStylePromptOnlyHandler"


@pytest.fixture
def llm(tmp_path):
    """Makes a double of MindSpeed-LLM.

    2.0 passes labels alone, 2.2 has both functions that add arguments and calls the second, master
    has no verifiers.
    """

    def make(line: str = "feb25") -> Path:
        folder = tmp_path / line
        shutil.copytree(DOUBLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        file = folder / ALGOS
        if line == "2.0":
            text = file.read_text().replace("responses, data, config", "responses, labels, config")
            text = text.replace('    labels = data["labels"]\n', "")
            text = text.replace(
                "batch, metrics, config)", "batch, metrics, config, valid_mask=None)"
            )
            file.write_text(text.replace('batch["columns"]', 'batch["columns"]["labels"]'))
        if line == "master":
            args = folder / "mindspeed_llm" / "training" / "arguments.py"
            args.write_text(args.read_text().replace("process_args", "process_args_v2"))
            init = folder / "mindspeed_llm" / "__init__.py"
            init.write_text(init.read_text().replace("process_args", "process_args_v2"))
            shutil.rmtree(folder / "mindspeed_llm" / "tasks" / "posttrain")
        if line == "2.2":
            args = folder / "mindspeed_llm" / "training" / "arguments.py"
            text = args.read_text()
            args.write_text(
                text.replace("return process_args", "return process_args_v2")
                + text[text.index("def process_args") :].replace("process_args", "process_args_v2")
            )
            init = folder / "mindspeed_llm" / "__init__.py"
            init.write_text(init.read_text().replace("process_args", "process_args_v2"))
        if line == "changed":
            file.write_text(file.read_text().replace("verifier(responses,", "verifier(texts,"))
        return folder

    return make


@pytest.fixture
def script(hooked_python, tmp_path):
    def run(folder: Path, *words: str, **env: str):
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MSRL"))}
        return subprocess.run(
            [hooked_python, "preprocess_data.py", *words],
            cwd=folder, env={**inherited, **env},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run


@pytest.mark.parametrize("line", ["feb25", "2.0", "master"])
def test_the_hosts_own_script_takes_our_handler(llm, script, line):
    words = ["--handler-name", HANDLER, "--prompt-type", "qwen"]
    folder = llm(line)
    done = script(folder, *words, "--output-prefix", "x")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{HANDLER} {HANDLER}\n"
    assert done.stderr == ""
    assert "no output prefix" in script(folder, *words).stderr  # its other checks still hold


@pytest.mark.parametrize("line", ["feb25", "2.2", "master"])
def test_prompt_types_of_ours_are_taken_and_wrong_ones_are_not(llm, script, line):
    folder, words = llm(line), ["--handler-name", HANDLER, "--output-prefix", "x", "--prompt-type"]
    done = script(folder, *words, "qwen_r1_mindspeed_rl")
    assert (done.returncode, done.stderr) == (0, "")
    done = script(folder, *words, "qwen_r2")
    assert done.returncode == 2
    assert "invalid choice: 'qwen_r2'" in done.stderr
    assert script(folder, *words, "qwen_r1", MSRL_EXT_DISABLE="1").returncode == 2


def test_the_script_treats_other_handlers_as_before(llm, script):
    folder, tail = llm(), ["--prompt-type", "qwen", "--output-prefix", "x"]
    done = script(folder, "--handler-name", "AlpacaStyleInstructionHandler", *tail)
    assert done.stdout.startswith("AlpacaStyleInstructionHandler")
    assert "handler name must be in" in script(folder, "--handler-name", "Other", *tail).stderr


def test_turned_off_the_host_refuses_our_handler(llm, script):
    words = ["--handler-name", HANDLER, "--prompt-type", "qwen", "--output-prefix", "x"]
    assert script(llm(), *words, MSRL_EXT_DISABLE="1").returncode == 1


SCORE = """
from mindspeed_llm.tasks.posttrain.rlxf.training.core_algos import compute_verifier_score
def compute(algorithm):
    metrics = {}
    labels = ['{"target":49,"numbers":[44,43,48]}', "x"]
    batch = {"responses": ["<answer>44-43+48</answer>", "x"], "columns": {"labels": labels}}
    config = SimpleNamespace(algorithm=SimpleNamespace(**algorithm))
    return compute_verifier_score(batch, metrics, config), metrics
"""


@pytest.mark.parametrize("line", ["feb25", "2.0"])
def test_rewards_and_means_are_the_hosts_and_ours_together(llm, check_python, line):
    check_python(
        SCORE
        + """
names = dict(verifier_function=["acc", "countdown"], verifier_weight=[0.5, 2.0])
scores, metrics = compute(names)
assert scores == [0.5 * -1.0 + 2.0 * 1.0, 0.5 * 1.0 + 2.0 * 0.0], scores
assert metrics["grpo/acc_rewards/mean"] == 0.0 and metrics["grpo/countdown_rewards/mean"] == 0.5
assert metrics["grpo/countdown_outcome/CORRECT"] == 0.5
scores, metrics = compute({})
assert (scores, metrics) == ([-1.0, 1.0], {"grpo/acc_rewards/mean": 0.0})
""",
        llm(line),
    )


COLUMNS = """
import sys, types
from mindspeed_rl_ext import verifier

@verifier("columns", needs=("answer", "prompt", "num_tokens", "topic"))
def columns(response, *, answer, prompt, num_tokens, topic):
    return num_tokens if prompt == "ask " + topic else -1.0

# What the host's configuration names, and the host loads inside its scoring function.
sys.modules["transformers"] = types.SimpleNamespace(
    AutoTokenizer=types.SimpleNamespace(from_pretrained=lambda path, **_: Tokenizer())
)

class Batch(dict):
    @property
    def batch(self):
        return {
            "prompts": ids(["ask a", "ask a", "ask b", "ask b"]),
            "responses_ori_length": numpy.array([1, 2, 3, 4]),
            "topic": ids(["a", "a", "b", "b"]),
        }

from mindspeed_llm.tasks.posttrain.rlxf.training.core_algos import compute_verifier_score
config = SimpleNamespace(
    algorithm=SimpleNamespace(verifier_function=["columns"], verifier_weight=[1.0]),
    training=SimpleNamespace(tokenizer_name_or_path="somewhere"),
)
"""


@pytest.mark.parametrize("line", ["feb25", "2.0"])
def test_prompts_lengths_and_additional_keys_reach_our_verifiers(llm, check_python, line):
    mask = line == "2.0"  # that line scores a part of the batch
    rows = "[1, 3]" if mask else "[0, 1, 2, 3]"
    check_python(
        COLUMNS
        + f"""
rows = {rows}
batch = Batch(responses=["x" for _ in rows], columns={{"labels": ["0" for _ in rows]}})
more = [numpy.array([False, True, False, True])] if {mask} else []
assert compute_verifier_score(batch, {{}}, config, *more) == [row + 1 for row in rows]
""",
        llm(line),
    )


def test_an_unknown_name_raises_and_so_does_ours_in_a_changed_host(llm, run_python):
    call = "compute(dict(verifier_function=[NAME], verifier_weight=[1.0]))"
    done = run_python(SCORE + "NAME = 'countdwn'\n" + call, llm())
    assert "unknown verifier 'countdwn'" in done.stderr
    folder = llm("changed")
    done = run_python(SCORE + "NAME = 'countdown'\n" + call, folder)
    assert done.returncode == 1
    assert "LEDGER LLM-2: " in done.stderr


def test_of_two_copies_on_the_path_the_one_that_is_imported_is_adapted(llm, check_python, tmp_path):
    first, second = llm("feb25"), llm("2.0")
    check_python(
        SCORE
        + f"""
import mindspeed_llm
from mindspeed_rl_ext.hosts.locate import host_folders
assert mindspeed_llm.__path__[0].startswith({str(second)!r})
assert host_folders()["mindspeed_llm"] == tuple(mindspeed_llm.__path__)
scores, metrics = compute(dict(verifier_function=["countdown"], verifier_weight=[1.0]))
assert scores == [1.0, 0.0]
""",
        second,
        first,
    )


def test_a_host_that_is_half_updated_takes_our_prompt_types_or_raises(llm, script):
    """The arguments of 2.2, which has two functions for them, in a tree that calls the first."""
    folder, newer = llm("feb25"), llm("2.2")
    words = ["--handler-name", HANDLER, "--output-prefix", "x", "--prompt-type"]
    inner = Path("mindspeed_llm", "training", "arguments.py")
    shutil.copy(newer / inner, folder / inner)
    done = script(folder, *words, "qwen_r1_mindspeed_rl")
    assert (done.returncode, done.stderr) == (0, "")
    # A handler module of another line, whose classes take other arguments.
    handlers = folder / "mindspeed_llm" / "tasks" / "preprocess" / "data_handler.py"
    text = handlers.read_text()
    assert "raw_datasets" in text
    handlers.write_text(text.replace("raw_datasets", "rows"))
    done = script(folder, *words, "qwen")
    assert "data_handler.AlpacaStylePromptOnlyHandler: NOT installed" in done.stderr
