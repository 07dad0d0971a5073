from __future__ import annotations

from types import SimpleNamespace

import pytest

from mindspeed_rl_ext import verifier
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.integrations.trl import reward_functions
from mindspeed_rl_ext.verifiers import Outcome, Verdict, score

ANSWER = '{"target":3,"numbers":[1,2]}'
RIGHT, WRONG = "<answer>1 + 2</answer>", "<answer>2 - 1</answer>"


@verifier("trl_test_length", needs=("num_tokens", "prompt"), levels=(1.0, 0.0))
def trl_test_length(response: str, *, num_tokens: int, prompt: str, limit: int = 3) -> float:
    """1 where the response has few tokens and the prompt asks for it."""
    return float(num_tokens <= limit and prompt.endswith("short"))


@verifier("trl_test_reference", needs=("answer",), levels=(1.0, 0.0))
def trl_test_reference(response: str, *, answer: str) -> Verdict:
    if answer == "unusable":
        return Verdict(Outcome.BAD_REFERENCE, 0.0, "the reference is unusable")
    return Verdict(Outcome.CORRECT, 1.0)


def as_chat(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def test_functions_carry_the_bare_name_of_their_verifier():
    functions = reward_functions(["countdown(think_prefilled=True)", "countdown_format"])
    assert [f.__name__ for f in functions] == ["countdown", "countdown_format"]


def test_scores_are_those_of_score():
    names = ["countdown", "countdown_format"]
    responses = [RIGHT, WRONG, "nothing", f"<think>1+2</think>\n{RIGHT}"]
    expected = score(responses, [ANSWER] * 4, verifiers=names).verdicts
    for function in reward_functions(names):
        found = function(prompts=["p"] * 4, completions=responses, answer=[ANSWER] * 4)
        assert found == [verdict.score for verdict in expected[function.__name__]]
    assert len({v.score for v in expected["countdown"]}) == 2


def test_chats_are_scored_by_what_the_assistant_said_last():
    (function,) = reward_functions(["countdown"])
    chats = [
        as_chat(RIGHT),
        [*as_chat(RIGHT), {"role": "tool", "content": RIGHT}, *as_chat(WRONG)],
        [{"role": "assistant", "content": [{"type": "text", "text": RIGHT}]}],
        [{"role": "assistant", "content": None}],
        [],
    ]
    prompts = [[{"role": "user", "content": "Make 3."}]] * len(chats)
    found = function(prompts=prompts, completions=chats, answer=[ANSWER] * len(chats))
    assert found == [1.0, 0.0, 1.0, 0.0, 0.0]


def test_lengths_come_from_the_token_ids_and_prompts_from_the_chat():
    (function,) = reward_functions(["trl_test_length(limit=2)"])
    found = function(
        prompts=["be short", [{"role": "user", "content": "be short"}], "be short", "be long"],
        completions=["a b c d", as_chat("x"), "y", "z"],
        completion_ids=[[1, 2], [1, 2], [1, 2, 3], [1]],
    )
    assert found == [1.0, 1.0, 0.0, 0.0]


def test_an_unusable_reference_is_skipped_not_scored():
    (function,) = reward_functions(["trl_test_reference"])
    found = function(prompts=["p"] * 2, completions=["a", "b"], answer=["unusable", "1"])
    assert found == [None, 1.0]


def test_what_trl_passes_beside_columns_is_not_in_the_way():
    logged = {}
    (function,) = reward_functions(["countdown"])
    function(
        prompts=["p"] * 4,
        completions=[RIGHT, RIGHT, RIGHT, WRONG],
        completion_ids=[[1]] * 4,
        answer=[ANSWER] * 4,
        trainer_state=SimpleNamespace(global_step=7),
        log_extra=lambda column, values: None,
        log_metric=logged.__setitem__,
        environments=None,
    )
    assert logged["countdown_outcome/CORRECT"] == 0.75
    assert sum(logged.values()) == 1
    assert set(logged) == {f"countdown_outcome/{o.value}" for o in Outcome}


def test_a_missing_column_names_those_there_are():
    (function,) = reward_functions(["countdown"])
    with pytest.raises(InputError, match=r"'answer'\n.*columns nums, prompt, target\n.*answer_col"):
        function(prompts=["p"], completions=["c"], target=[3], nums=[[1, 2]])


def test_the_answer_column_may_have_another_name():
    (function,) = reward_functions(["countdown"], answer_column="gold")
    assert function(prompts=["p"], completions=[RIGHT], gold=[ANSWER]) == [1.0]
    with pytest.raises(InputError, match="needs the column 'gold'"):
        function(prompts=["p"], completions=[RIGHT], answer=[ANSWER])


def test_a_missing_length_is_named():
    (function,) = reward_functions(["trl_test_length"])
    with pytest.raises(InputError, match=r"needs the column 'num_tokens'\n(.*\n)*.*data set"):
        function(prompts=["p"], completions=["c"])


def test_an_unknown_verifier_is_an_error_before_training():
    with pytest.raises(InputError, match="did you mean countdown"):
        reward_functions(["countdwn"])


def test_the_observer_sees_each_batch_once_with_every_verdict():
    seen = []
    functions = reward_functions(
        ["countdown", "countdown_format"], on_verdicts=lambda *batch: seen.append(batch)
    )
    for step, completion in enumerate([RIGHT, WRONG]):
        for function in functions:
            assert len(seen) == step
            function(
                prompts=["p"],
                completions=[as_chat(completion)],
                completion_ids=[[5, 6]],
                answer=[ANSWER],
                trainer_state=SimpleNamespace(global_step=step),
            )
    assert [responses for _, responses, _, _ in seen] == [[RIGHT], [WRONG]]
    prompts, _, columns, verdicts = seen[1]
    assert prompts == ["p"]
    assert columns["num_tokens"] == [2]
    assert columns["step"] == [2]
    assert verdicts["countdown"][0].outcome is Outcome.WRONG
    assert set(verdicts) == {"countdown", "countdown_format"}


def test_a_batch_that_stopped_half_way_does_not_spill_into_the_next():
    seen = []
    first, second = reward_functions(
        ["countdown", "countdown_format"], on_verdicts=lambda *batch: seen.append(batch)
    )
    first(prompts=["p"], completions=[RIGHT], answer=[ANSWER])
    for function in (first, second):
        function(prompts=["p"], completions=[WRONG], answer=[ANSWER])
    ((_, responses, _, verdicts),) = seen
    assert responses == [WRONG]
    assert verdicts["countdown"][0].outcome is Outcome.WRONG


def test_the_audit_holds_the_batch_once_every_verifier_has_scored_it(monkeypatch, tmp_path):
    from mindspeed_rl_ext.core.responses import audit
    from mindspeed_rl_ext.core.responses.rollouts import read_rollouts

    monkeypatch.setenv("MSRL_EXT_AUDIT", str(tmp_path))
    first, second = reward_functions(["simplerl", "boxed_acc"])
    batch = {"prompts": ["a", "b"], "completions": [r"\boxed{7}", "7"], "answer": ["7", "7"]}
    first(**batch)
    second(**batch)
    for writer in audit._writers.values():
        assert writer.close() == 0
    audit._forget_writers()
    (file,) = tmp_path.glob("*/rollouts.jsonl")
    rows = list(read_rollouts(file))
    assert [row.prompt for row in rows] == ["a", "b"]
    assert [row.verdicts["simplerl"].score for row in rows] == [1.0, -1.0]
    assert [row.verdicts["boxed_acc"].outcome for row in rows] == ["CORRECT", "NO_ANSWER"]
