"""Our verifiers in MindSpeed-RL's own scoring function, proved on a double of it."""

from __future__ import annotations

import json

import pytest

REGISTER = """
from mindspeed_rl_ext import verifier

@verifier("same", needs=("answer",), levels=(1.0, 0.0))
def same(response, *, answer):
    return float(response == answer)

@verifier("columns", needs=("answer", "prompt", "num_tokens", "topic"))
def columns(response, *, answer, prompt, num_tokens, topic, factor=1.0):
    assert prompt == "ask " + topic, (prompt, topic)
    return factor * num_tokens
"""


def test_reward_is_the_weighted_sum_of_the_hosts_and_our_scores(host, check_python):
    check_python(
        REGISTER
        + """
rewards, metrics = compute(["acc", "same", "format"], ["7", "x"], ["7", "y"], weights=[2, 3, 4])
assert rewards == [2 * 1.0 + 3 * 1.0 + 4 * 0.5, 0.0], rewards
assert metrics["acc_rewards/mean"] == [1.0, 0.0]
assert metrics["same_rewards/mean"] == [1.0, 0.0]
assert metrics["format_rewards/mean"] == [0.5, 0.0]
assert metrics["same_outcome/SCORED"] == [1.0, 1.0]
assert metrics["same_outcome/TIMEOUT"] == [0.0, 0.0]
""",
        host("2.2"),
    )


def test_metrics_carry_the_key_of_the_older_line(host, check_python):
    check_python(
        REGISTER
        + """
rewards, metrics = compute(["same", "acc"], ["7"], ["7"])
assert metrics["grpo/same_rewards/mean"] == [1.0] and metrics["grpo/acc_rewards/mean"] == [1.0]
assert not [key for key in metrics if not key.startswith("grpo/")], metrics
""",
        host("2.0"),
    )


def test_a_builtin_verifier_scores_as_it_does_without_a_host(host, check_python):
    check_python(
        r"""
from mindspeed_rl_ext.verifiers import score
responses = ["<answer>44 - 43 + 48</answer>", "<answer>1</answer>", "nothing"]
labels = ['{"numbers":[44,43,48],"target":49}'] * 3
rewards, metrics = compute(["countdown"], responses, labels, weights=[0.5])
alone = score(responses, labels, verifiers=["countdown"], weights=[0.5])
assert rewards == alone.rewards == [0.5, 0.0, 0.0], rewards
assert sum(metrics["countdown_outcome/CORRECT"]) == 1
""",
        host(),
    )


@pytest.mark.parametrize("prompts", ["['ask a', 'ask a', 'ask b', 'ask b']", "['ask a', 'ask b']"])
def test_prompt_lengths_and_additional_keys_reach_our_verifiers(host, check_python, prompts):
    check_python(
        REGISTER
        + f"""
rewards, metrics = compute(["columns(factor=2.0)"], ["1", "22", "333", "4444"], ["0"] * 4,
    prompts={prompts}, topic=["a", "a", "b", "b"], keys=["labels", "topic"])
assert rewards == [2.0, 4.0, 6.0, 8.0], (rewards, metrics)
assert metrics["columns_rewards/mean"] == rewards  # the bare name
""",
        host(),
    )


def test_parameters_are_found_under_the_metric_that_the_host_filters_by(host, check_python):
    check_python(
        REGISTER
        + """
from mindspeed_rl.models.rule_verifier import verifier as host_verifier
spec = "same()"
settings = config([spec], filter_groups_metric=spec + "_rewards/mean")
rewards, metrics = host_verifier(["7"], {"labels": ["7"]}, settings)
assert metrics["same()_rewards/mean"] == metrics["same_rewards/mean"] == [1.0]
""",
        host(),
    )


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["same", "acd"], "unknown verifier 'acd'"),
        (["acd"], "did you mean acc"),
        (["countdwn"], "did you mean countdown"),
        (["countdown(speed=3)"], "no parameter 'speed'"),
        (["countdown(3)"], "a parameter without a key"),
    ],
)
def test_an_unknown_name_raises_with_the_nearest_of_both(host, run_python, names, message):
    done = run_python(REGISTER + f"compute({names!r}, ['7'], ['7'])", host())
    assert done.returncode == 1
    assert message in done.stderr


def test_the_host_alone_would_have_scored_an_unknown_name_zero(host, check_python):
    check_python(
        "assert compute(['acd'], ['7'], ['7']) == ([0.0], {})", host(), MSRL_EXT_DISABLE="1"
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("compute(['columns'], ['7'], ['7'])", "'prompt'"),
        ("compute(['same'], ['7'], ['7'], keys=[])", "labels"),
        ("compute(['same'], ['7'], ['7'], weights=[1.0, 2.0])", "1 names, 2 weights"),
    ],
)
def test_bad_input_raises_before_a_reward_is_given(host, run_python, call, message):
    done = run_python(REGISTER + call, host())
    assert done.returncode == 1
    assert message in done.stderr
    assert "remedy" in done.stderr


def test_a_metric_to_filter_by_that_is_no_verifiers_raises(host, run_python):
    call = """
from mindspeed_rl.models.rule_verifier import verifier
settings = dict(filter_groups_enable=True, filter_groups_metric=METRIC)
verifier(["7"], {"labels": ["7"]}, config(["same", "acc"], **settings))
"""
    folder = host()
    done = run_python("METRIC = 'acc_rewards/mean'" + REGISTER + call, folder)
    assert done.returncode == 0, done.stderr
    done = run_python("METRIC = 'simplerl_rewards/mean'" + REGISTER + call, folder)
    assert done.returncode == 1
    assert "filter_groups_metric: simplerl_rewards/mean" in done.stderr
    assert "one of same_rewards/mean, acc_rewards/mean" in done.stderr


def test_a_name_that_is_the_hosts_too_is_refused(host, run_python):
    code = """
from mindspeed_rl_ext import verifier
@verifier("acc")
def acc(response):
    return 1.0
compute(["acc"], ["7"], ["7"])
"""
    done = run_python(code, host())
    assert done.returncode == 1
    assert "a name of the host and of a verifier of yours" in done.stderr


def test_reward_is_the_same_in_forked_and_spawned_processes_and_threads(host, check_python):
    check_python(
        """
import multiprocessing, threading

def work(queue):
    try:
        queue.put(compute(["countdown_format", "acc"], ["<answer>1+1</answer>"], ["2"])[1])
    except BaseException as error:
        queue.put(repr(error))

if __name__ == "__main__":
    import queue as queues
    answers = []
    inside = queues.Queue()
    for way in ("spawn", "fork"):
        context = multiprocessing.get_context(way)
        for daemon in (False, True):
            queue = context.Queue()
            process = context.Process(target=work, args=(queue,), daemon=daemon)
            process.start()
            answers.append(queue.get(timeout=60))
            process.join()
    thread = threading.Thread(target=work, args=(inside,))
    thread.start()
    thread.join()
    answers.append(inside.get())
    assert all(one == answers[0] for one in answers), answers
    assert "countdown_format_rewards/mean" in answers[0], answers[0]
""",
        host(),
    )


def test_many_threads_that_import_the_host_at_once_all_get_it_adapted(host, check_python):
    check_python(
        """
import threading
results, start = [], threading.Barrier(8)

def work():
    start.wait()
    results.append(sorted(compute(["countdown_format"], ["a"], ["b"])[1]))

threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert len(results) == 8 and all(one == results[0] and one for one in results), results
""",
        host(),
    )


def test_nothing_is_installed_when_turned_off(host, check_python):
    check_python(
        """
import sys, mindspeed_rl.datasets.data_handler as handlers
assert compute(["countdown"], ["7"], ["7"]) == ([0.0], {})
assert not hasattr(handlers, "AlpacaStylePromptOnlyHandler")
assert not [name for name in sys.modules if name.startswith("mindspeed_rl_ext")]
""",
        host(),
        MSRL_EXT_DISABLE="1",
    )


def test_the_audit_holds_what_was_scored_by_ours_and_by_the_host(host, check_python, tmp_path):
    check_python(
        """
compute(["simplerl", "acc"], [r"so \\\\boxed{7}", "7"], ["7", "8"], weights=[1.0, 0.5],
        prompts=["ask a", "ask b"])
""",
        host(),
        MSRL_EXT_AUDIT=str(tmp_path / "audit"),
    )
    (file,) = (tmp_path / "audit").glob("*/rollouts.jsonl")
    first, second = (json.loads(line) for line in file.read_text().splitlines())
    assert (first["answer"], first["prompt"]) == ("7", "ask a")
    assert first["verdicts"]["simplerl"]["outcome"] == "CORRECT"
    assert second["verdicts"]["acc"]["outcome"] == "SCORED"
    for row in (first, second):
        scores = {name: verdict["score"] for name, verdict in row["verdicts"].items()}
        assert row["reward"] == scores["simplerl"] + 0.5 * scores["acc"]
