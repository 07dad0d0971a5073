"""verl: our reward manager in its registry, without an edit; rows are never lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

DOUBLE = Path(__file__).parent / "doubles" / "verl"
REGISTRY = "verl/experimental/reward_loop/reward_manager/registry.py"

CODE = """
import asyncio, sys, types
import numpy, verl

# hydra's own class, of which the manager uses this alone.
sys.modules["omegaconf"] = types.SimpleNamespace(
    OmegaConf=types.SimpleNamespace(to_container=lambda section, resolve: dict(section))
)


class Ids(list):
    \"\"\"As much of a tensor as the manager uses.\"\"\"

    @property
    def shape(self):
        return (len(self),)

    def bool(self):
        return Ids(bool(one) for one in self)

    def tolist(self):
        return list(self)

    def __getitem__(self, key):
        if isinstance(key, slice):
            return Ids(list.__getitem__(self, key))
        if isinstance(key, list):
            return Ids(one for one, kept in zip(self, key, strict=True) if kept)
        return list.__getitem__(self, key)


class Rows(list):
    def __getitem__(self, key):
        found = list.__getitem__(self, key)
        return Rows(found) if isinstance(key, slice) else found


class Text:
    def decode(self, ids, skip_special_tokens):
        return "".join(map(chr, ids))


def row(response, truth, source="math", prompt="why", **extra):
    prompts, responses = Ids([0, *map(ord, prompt)]), Ids([*map(ord, response), 0, 0])
    mask = Ids([0] + [1] * (len(prompt) + len(response)) + [0, 0])
    return Rows([types.SimpleNamespace(
        batch={"prompts": prompts, "responses": responses, "attention_mask": mask},
        non_tensor_batch={"data_source": source, "extra_info": extra,
                          "reward_model": {"ground_truth": truth, "style": "rule"}},
    )])


def scored(rows, **kwargs):
    from verl.trainer.ppo.reward import load_reward_manager

    config = types.SimpleNamespace(reward={"name": "msrl_ext", "reward_kwargs": kwargs})
    manager = load_reward_manager(config, Text())

    async def all_rows():
        return await asyncio.gather(*[manager.run_single(one) for one in rows])

    found = asyncio.run(all_rows())
    assert len({tuple(one["reward_extra_info"]) for one in found}) <= 1  # the same keys everywhere
    return [one["reward_score"] for one in found], [one["reward_extra_info"] for one in found]
"""


def test_the_manager_is_registered_once_verl_has_its_registry(check_python):
    check_python(
        CODE
        + """
late = ("mindspeed_rl_ext.verifiers", "verl.experimental")
assert not any(name.startswith(late) for name in sys.modules)
rewards, info = scored(
    [row(r"\\boxed{7}", "7"), row(r"\\boxed{8}", "7"), row("", "7")],
    verifiers=["simplerl", "overlong(max_tokens=4,buffer=2)"], weights=[1.0, 0.5],
)
assert rewards == [1.0 - 0.5, -0.5 - 0.5, -1.0], rewards
assert [one["acc"] for one in info] == [1.0, 0.0, 0.0]
assert info[2]["simplerl_outcome"] == "BAD_FORMAT" and info[2]["reason"] == "no closed box"
""",
        DOUBLE,
    )


def test_sources_have_verifiers_of_their_own_and_the_same_keys(check_python):
    check_python(
        CODE
        + """
truth = {"target": 49, "numbers": [44, 43, 48]}
rewards, info = scored(
    [row("#### 72", "72", "openai/gsm8k"), row("<answer>44-43+48</answer>", truth, "countdown"),
     row("a long one", "", "lengths"), row(r"\\boxed{7}", "7", "unheard of")],
    verifiers={"openai/gsm8k": ["last_answer"], "countdown": "countdown,countdown_format",
               "lengths": ["overlong(max_tokens=8,buffer=4)"]},
    weights={"countdown": [1.0, 0.5]},
)
assert rewards == [1.0, 1.0, -1.0, -1.0], rewards  # nobody knows the last: the lowest of all
assert [one["acc"] for one in info] == [1.0, 1.0, None, None]
assert info[0]["countdown_score"] is None and info[0]["countdown_outcome"] == ""
assert info[3]["outcome"] == "ERROR" and "'unheard of'" in info[3]["reason"]
""",
        DOUBLE,
    )


def test_columns_prompt_and_lengths_reach_the_verifiers(check_python):
    check_python(
        """
from mindspeed_rl_ext import verifier

@verifier("columns", needs=("answer", "prompt", "num_tokens", "topic"), judges_answer=False)
def columns(response, *, answer, prompt, num_tokens, topic):
    return num_tokens if prompt == "ask " + topic else -1.0
"""
        + CODE
        + """
rewards, info = scored(
    [row("abc", "x", prompt="ask a", topic="a"), row("ab", "x", prompt="ask a", topic="b"),
     row("ab", "x", prompt="ask a")],
    verifiers=["columns"],
)
assert rewards[:2] == [3.0, -1.0], rewards
assert info[2]["outcome"] == "ERROR" and "topic" in info[2]["reason"]
assert "acc" not in info[0]  # no verifier judges the answer
""",
        DOUBLE,
    )


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ('["6", "7"]', True),
        ("numpy.array(['6', '7'], dtype=object)", True),
        ("numpy.int64(7)", True),
        ("7.0", True),
        ('["6", "8"]', False),
        ("[]", False),
        ("None", False),
    ],
)
def test_a_reference_may_be_of_any_type(check_python, answer, right):
    check_python(
        CODE
        + f"""
rewards, info = scored([row(r"\\boxed{{7}}", {answer})], verifiers=["boxed_acc"])
assert rewards == [{float(right)}], (rewards, info)
assert info[0]["outcome"] == "CORRECT" or not {right}
""",
        DOUBLE,
    )


FAULTY = """
import time
from mindspeed_rl_ext import verifier

@verifier("faulty", needs=("kind",), levels=(1.0, -1.0))
def faulty(response, *, kind):
    if kind == "raises":
        raise RuntimeError("broken")
    if kind == "hangs":
        time.sleep(1000)
    if kind == "exits":
        raise SystemExit(3)
    return float("nan") if kind == "nan" else 1.0
"""


def test_a_verifier_that_raises_hangs_or_gives_no_number_loses_no_row(check_python):
    check_python(
        FAULTY
        + CODE
        + """
kinds = ["good", "raises", "nan", "good"]
rewards, info = scored([row("x", "1", kind=one) for one in kinds], verifiers=["faulty"])
assert rewards == [1.0, -1.0, -1.0, 1.0], rewards
assert [one["outcome"] for one in info] == ["SCORED", "ERROR", "ERROR", "SCORED"]
rewards, info = scored([row("x", "1", kind="hangs")], verifiers=["faulty"], timeout_s=0.3)
assert rewards == [-1.0] and info[0]["outcome"] == "TIMEOUT", info
rewards, info = scored([row("x" * 1_000_000, "1")], verifiers=["simplerl"])
assert rewards == [-1.0]
""",
        DOUBLE,
    )


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({}, "needs verifiers"),
        ({"verifier": ["simplerl"]}, "did you mean verifiers?"),
        ({"verifiers": ["simplrl"]}, "did you mean simplerl?"),
        ({"verifiers": ["simplerl"], "weights": [1, 2]}, "differ in number"),
        ({"verifiers": {"a": ["simplerl"]}, "weights": [1]}, "by data source, weights are not"),
        ({"verifiers": ["simplerl"], "weights": {"a": [1]}}, "by data source, verifiers are not"),
        ({"verifiers": {"a": ["simplerl"]}, "weights": {"b": [1]}}, "weights for 'b'"),
        ({"verifiers": ["simplerl"], "timeout_s": 0}, "above 0"),
    ],
)
def test_a_wrong_configuration_is_an_error_before_the_first_row(run_python, kwargs, message):
    done = run_python(CODE + f"scored([], **{kwargs!r})\n", DOUBLE)
    assert done.returncode == 1
    assert message in done.stderr


def test_the_default_function_is_replaced_where_it_is_asked_for(check_python):
    code = """
import verl
from verl.trainer.ppo.reward import default_compute_score
try:
    found = default_compute_score("math", r"so \\boxed{7}", "7", None, sandbox=None)
except NotImplementedError:
    found = None
"""
    check_python(code + "assert found is None", DOUBLE)
    asserts = "assert found['acc'] == found['score'] == 1.0"
    check_python(code + asserts, DOUBLE, MSRL_EXT_VERL_DEFAULT="1")


def test_a_changed_registry_raises_at_the_use_of_our_name_only(run_python, tmp_path):
    folder = tmp_path / "verl_changed"
    shutil.copytree(DOUBLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    file = folder / REGISTRY
    file.write_text(file.read_text().replace("def register(name)", "def register(cls, name)"))
    use = "from verl.experimental.reward_loop.reward_manager import get_reward_manager_cls as get\n"
    done = run_python("import verl\n" + use + "get('msrl_ext')", folder)
    assert "LEDGER VERL-1: " in done.stderr
    done = run_python("import verl\n" + use + "get('naive')", folder)
    assert "Unknown reward manager: naive" in done.stderr


def test_another_plugin_of_that_name_is_an_error_and_not_replaced(run_python, tmp_path):
    folder = tmp_path / "verl_taken"
    shutil.copytree(DOUBLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    file = folder / REGISTRY
    file.write_text(file.read_text() + "\n\nregister('msrl_ext')(dict)\n")
    done = run_python(
        "import verl\nfrom verl.experimental.reward_loop.reward_manager import registry\n"
        "registry.get_reward_manager_cls('msrl_ext')",
        folder,
    )
    assert "has already been registered" in done.stderr
    assert done.returncode == 1


def test_without_the_pth_the_variable_of_verl_activates(unhooked_python, tmp_path):
    import os
    import subprocess

    code = (
        "import verl\n"
        "from verl.experimental.reward_loop.reward_manager import get_reward_manager_cls as get\n"
        "print(get('msrl_ext').__name__)"
    )
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(DOUBLE)}
    names = {"": "Unknown reward manager", "mindspeed_rl_ext": "MsrlExtRewardManager"}
    for value, expected in names.items():
        done = subprocess.run(
            [unhooked_python, "-c", code],
            env={**env, "VERL_USE_EXTERNAL_MODULES": value},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert expected in done.stdout + done.stderr


def test_the_audit_holds_every_row_with_its_source(check_python, tmp_path):
    check_python(
        CODE
        + """
scored([row(r"\\boxed{7}", "7", index=3), row("", None, "other")], verifiers=["boxed_acc"])
""",
        DOUBLE,
        MSRL_EXT_AUDIT=str(tmp_path / "audit"),
    )
    (file,) = (tmp_path / "audit").glob("*/rollouts.jsonl")
    first, second = (json.loads(line) for line in file.read_text().splitlines())
    assert (first["data_source"], first["answer"], first["reward"]) == ("math", "7", 1.0)
    assert (first["index"], first["num_tokens"]) == (3, 9)
    assert second["verdicts"]["boxed_acc"]["outcome"] == "BAD_REFERENCE"
