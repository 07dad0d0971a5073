"""The parts of the quickstart that need no training: its directory, its flags, its judgement."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.cli import quickstart as command
from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.responses.rollouts import read_rollouts
from mindspeed_rl_ext.recipes.quickstart.checks import check_figures
from mindspeed_rl_ext.recipes.quickstart.options import (
    QuickstartOptions,
    is_full_length,
    loop_recipe,
)
from mindspeed_rl_ext.recipes.quickstart.own_data import perturb
from mindspeed_rl_ext.recipes.quickstart.workspace import (
    Workspace,
    discard,
    prepare,
)
from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe
from mindspeed_rl_ext.recipes.training.stages.grpo import RolloutLog
from mindspeed_rl_ext.recipes.training.trainer.groups import RightResponses
from mindspeed_rl_ext.recipes.training.trainer.running import StageRun

OWN_DATA = ["--input", __file__, "--map-keys", '{"prompt":"q","response":"a"}']


def finished(
    root: Path, before: float, after: float, form: float, control: float | None
) -> Workspace:
    options = QuickstartOptions(control=control is not None)
    work = Workspace(root, options, loop_recipe(options))
    work.folder("evaluation")
    work.write("evaluation/before.json", {"accuracy": before, "format": 1.0})
    work.write("evaluation/after.json", {"accuracy": after, "format": form})
    work.write("evaluation/control.json", {"accuracy": control, "format": 1.0})
    return work


@pytest.mark.parametrize(
    ("before", "after", "form", "control", "ok"),
    [
        (0.30, 0.50, 0.99, None, True),
        (0.30, 0.44, 0.99, None, False),
        (0.30, 0.50, 0.90, None, False),
        (0.30, 0.50, 0.99, 0.34, True),
        (0.30, 0.50, 0.99, 0.40, False),
        (0.30, 0.40, 0.99, 0.30, False),
    ],
)
def test_a_run_is_judged_by_gain_and_format_and_a_control_by_the_absence_of_gain(
    tmp_path: Path, before: float, after: float, form: float, control: float | None, ok: bool
) -> None:
    checks = check_figures(finished(tmp_path, before, after, form, control))
    assert all(check.ok for check in checks) is ok


def test_a_shortened_run_is_not_judged() -> None:
    assert is_full_length(loop_recipe(QuickstartOptions()))
    assert not is_full_length(loop_recipe(QuickstartOptions(sft_steps=3)))
    assert not is_full_length(loop_recipe(QuickstartOptions(grpo_steps=3)))


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("marker", [None, "{}", "not json", "[]"])
def test_a_directory_of_somebody_else_is_refused_and_left_as_it_was(
    tmp_path: Path, overwrite: bool, marker: str | None
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.txt").write_text("years of work")
    if marker is not None:
        (tmp_path / "quickstart.json").write_text(marker)
    with pytest.raises(InputError, match="no quickstart made it"):
        prepare(tmp_path, overwrite=overwrite)
    assert (tmp_path / "model" / "thesis.txt").read_text() == "years of work"


def test_an_earlier_run_is_replaced_only_when_asked_and_files_beside_it_stay(
    tmp_path: Path,
) -> None:
    prepare(tmp_path, overwrite=False)
    (tmp_path / "sft").mkdir()
    (tmp_path / "sft" / "old").touch()
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds an earlier quickstart"):
        prepare(tmp_path, overwrite=False)
    assert (tmp_path / "sft" / "old").exists()
    prepare(tmp_path, overwrite=True)
    assert not (tmp_path / "sft").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_what_is_discarded_leaves_no_directory_of_its_own(tmp_path: Path) -> None:
    prepare(tmp_path / "run", overwrite=False)
    (tmp_path / "run" / "packed").mkdir()
    discard(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("library", ["trl", "matplotlib", "transformers"])
def test_a_missing_library_is_named_before_the_first_stage(
    library: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    find = command.find_spec
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == library else find(name))
    assert main(["quickstart", "--output", str(tmp_path / "run")]) == 2
    printed = capsys.readouterr().err
    assert library in printed
    assert "mindspeed-rl-ext[train,report]" in printed
    assert not (tmp_path / "run").exists()


def test_own_data_that_fails_half_way_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("transformers", reason="the quickstart needs transformers")
    (tmp_path / "rows.jsonl").write_text('{"q": "1+1", "a": "2"}\n{"q": broken\n')
    flags = ["--input", str(tmp_path / "rows.jsonl"), "--map-keys", '{"prompt":"q","response":"a"}']
    assert main(["quickstart", "--output", str(tmp_path / "out"), *flags]) == 2
    assert "line 2" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_label_of_any_length_can_be_scored(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="the quickstart needs transformers")
    (tmp_path / "rows.jsonl").write_text(json.dumps({"q": "big", "a": "7" * 6000}) + "\n")
    flags = ["--input", str(tmp_path / "rows.jsonl"), "--map-keys", '{"prompt":"q","response":"a"}']
    code = main(
        ["quickstart", "--output", str(tmp_path / "out"), "--label-extractor", "none", *flags]
    )
    assert code in (0, 1)


@given(answer=st.text(min_size=1, max_size=20))
def test_a_perturbed_answer_differs(answer: str) -> None:
    assert perturb(answer) != answer


@given(numerator=st.integers(0, 99), denominator=st.integers(1, 99))
def test_a_perturbed_fraction_has_another_value_and_divides_by_no_zero(
    numerator: int, denominator: int
) -> None:
    top, bottom = perturb(f"{numerator}/{denominator}").split("/")
    assert int(top) == numerator
    assert int(bottom) not in (0, denominator)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--input", "x.jsonl"], "--map-keys"),
        (["--input", "x.jsonl", "--map-keys", "{"], "not readable JSON"),
        (["--input", "x.jsonl", "--map-keys", '"q"'], "not a JSON object"),
        (["--input", __file__, "--map-keys", '{"prompt":"q"}'], "names no response"),
        (["--input", "x.jsonl", "--map-keys", "{}", "--seed", "0"], "--seed has no effect"),
        (["--input", "x.jsonl", "--map-keys", "{}", "--control"], "--control has no effect"),
        (["--map-keys", "{}"], "--map-keys has no effect"),
        (["--prompt-type", "qwen"], "--prompt-type has no effect"),
        (["--verifier", "simplerl"], "--verifier has no effect"),
        ([*OWN_DATA, "--verifier", "simplerll"], "did you mean simplerl"),
        ([*OWN_DATA, "--verifier", "overlong(max_tokens=5)"], "needs num_tokens"),
    ],
)
def test_flags_of_the_other_mode_are_refused_by_name(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("transformers", reason="the quickstart needs transformers")
    output = tmp_path / "output"
    assert main(["quickstart", "--output", str(output), *flags]) == 2
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_a_missing_input_file_leaves_no_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("transformers", reason="the quickstart needs transformers")
    flags = ["--input", str(tmp_path / "no.jsonl"), "--map-keys", '{"prompt":"q","response":"a"}']
    assert main(["quickstart", "--output", str(tmp_path / "out"), *flags]) == 2
    assert "no.jsonl" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_rollouts_are_written_with_verdicts_and_the_weighted_reward(tmp_path: Path) -> None:
    from mindspeed_rl_ext.verifiers import score

    answer = json.dumps({"target": 3, "numbers": [2, 1]})
    responses = ["<think>t</think><answer>2+1</answer>", "<answer>2-1</answer>"]
    verdicts = score(responses, [answer] * 2, verifiers=["countdown"], weights=[1.0]).verdicts
    changes = ["verifiers=[countdown]", "weights=[0.5]", "grpo.rollouts_every_steps=2"]
    run = StageRun(load_recipe("countdown", "cpu", changes), tmp_path, tmp_path, None)
    writer = RolloutLog(run, RightResponses())
    for step in (1, 2, 3):
        columns = {"answer": [answer] * 2, "num_tokens": [5, 6], "step": [step] * 2}
        writer(["p", "p"], responses, columns, verdicts)
    rollouts = list(read_rollouts(tmp_path / "rollouts.jsonl"))
    assert [r.step for r in rollouts] == [1, 1, 3, 3]
    assert [r.reward for r in rollouts[:2]] == [0.5, 0.0]
    assert rollouts[0].verdicts["countdown"].outcome == "CORRECT"
