"""resume-config: the keys it writes, what it leaves as it stood, what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.cli import _dispatch as cli
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.doctor.resume import resumed
from mindspeed_rl_ext.doctor.yaml_edit import with_value

SEVEN = "msrl/grpo_qwen25_7b"
ZERO = "rlxf/r1_zero_qwen25_7b_instruct"


def flat(table, above=()):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, (*above, key))
        else:
            yield "/".join((*above, key)), value


def differences(before, after):
    old, new = dict(flat(yaml.safe_load(before))), dict(flat(yaml.safe_load(after)))
    return {key: value for key, value in new.items() if old.get(key) != value}, set(old) - set(new)


def test_the_five_keys_and_nothing_else_are_written(configs):
    path = configs / f"{SEVEN}.yaml"
    before = path.read_text()
    after, _ = resumed(before, path)
    assert differences(before, after) == (
        {
            "actor_config/finetune": False,
            "actor_config/load": "./save/grpo-qwen25-7b",
            "actor_config/no_load_optim": False,
            "actor_config/no_load_rng": False,
            "rl_config/integrated_mode_config/ref_model_load_path": (
                "./model_weights/qwen25-7b-tp2pp2"
            ),
        },
        set(),
    )


def test_comments_and_order_stay(configs):
    path = configs / f"{SEVEN}.yaml"
    before = path.read_text()
    after, _ = resumed(before, path)

    def comments(text):
        return [row[row.index("#") :] for row in text.splitlines() if "#" in row]

    assert comments(after) == comments(before)
    assert len(after.splitlines()) == len(before.splitlines()) + 2
    columns = {row.index("#") for row in after.splitlines() if row.startswith("  load:")}
    assert columns == {row.index("#") for row in before.splitlines() if row.startswith("  load:")}


def test_the_result_is_a_resume_to_the_doctor_and_stays_one(configs, findings):
    path = configs / f"{SEVEN}.yaml"
    once, _ = resumed(path.read_text(), path)
    path.write_text(once)
    assert "resume-complete" in {f.id for f in findings(path)}
    assert not [f for f in findings(path) if f.level == "error"]
    twice, _ = resumed(once, path)
    assert twice == once


def test_roles_of_the_older_host_get_the_same(configs):
    path = configs / f"{ZERO}.yaml"
    before = path.read_text()
    after, _ = resumed(before, path)
    actor = "actor_rollout_ref/actor_rollout"
    assert differences(before, after)[0] == {
        f"{actor}/finetune": False,
        f"{actor}/load": "./save/r1-zero-qwen25-7b-instruct",
        f"{actor}/no_load_optim": False,
        f"{actor}/no_load_rng": False,
    }


def test_a_critic_resumes_too(configs, spoil):
    critic = {"model": "qwen25-7b", "load": "./critic", "save": "./critic-save", "finetune": True}
    path = spoil(SEVEN, {"critic_config": critic})
    after, _ = resumed(path.read_text(), path)
    resumed_critic = yaml.safe_load(after)["critic_config"]
    assert resumed_critic["load"] == "./critic-save"
    assert resumed_critic["finetune"] is False


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"actor_config/save": None}, ["has no save", "remedy"]),
        ({"actor_config/no_save_optim": True}, ["was not saved"]),
        ({"actor_config/load": "./save/grpo-qwen25-7b/"}, ["--reference"]),
        ({"actor_config/load": None}, ["--reference"]),
    ],
)
def test_what_cannot_be_resumed_is_refused(changes, words, spoil):
    path = spoil(SEVEN, changes)
    with pytest.raises(InputError) as caught:
        resumed(path.read_text(), path)
    assert all(word in str(caught.value) for word in words)


def test_the_reference_may_be_named(spoil):
    path = spoil(SEVEN, {"actor_config/load": "./save/grpo-qwen25-7b"})
    after, _ = resumed(path.read_text(), path, "/weights/first run")
    table = yaml.safe_load(after)
    config = table["rl_config"]["integrated_mode_config"]
    assert config == {"ref_model_load_path": "/weights/first run"}


def run_command(*words):
    return cli.main(["resume-config", *map(str, words)])


def test_the_command_refuses_to_replace_a_file(configs, tmp_path, capsys):
    out = tmp_path / "out.yaml"
    assert run_command(configs / f"{SEVEN}.yaml", "-o", out) == 0
    assert "ref_model_load_path" in capsys.readouterr().out
    before = out.read_bytes()
    assert run_command(configs / f"{ZERO}.yaml", "-o", out) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert out.read_bytes() == before
    assert run_command(configs / f"{ZERO}.yaml", "-o", out, "--overwrite") == 0
    assert out.read_bytes() != before


@pytest.mark.parametrize("text", ["- a\n", "a: 1\n", "input: x\n", "\tx: 1\n", ""])
def test_other_files_are_refused_and_nothing_is_written(text, tmp_path, capsys):
    source, out = tmp_path / "in.yaml", tmp_path / "out.yaml"
    source.write_text(text)
    assert run_command(source, "-o", out) == 2
    assert "error" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    "text",
    ["a: {b: 1}\n", "a:\n  b: |\n    1\n", "a:\n  b: [1,\n    2]\n", "a:\n  b: &x 1\n  c: *x\n"],
)
def test_what_cannot_be_changed_line_by_line_is_refused(text):
    with pytest.raises(InputError):
        with_value(text, ("a", "b"), 2)


@given(
    keys=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=5, unique=True),
    value=st.one_of(st.booleans(), st.integers(), st.text("ab /#:'\"-é中", max_size=8)),
    pick=st.integers(0, 5),
    ending=st.sampled_from(["\n", "\r\n"]),
)
def test_an_edit_changes_one_value_only(keys, value, pick, ending):
    rows = ["top:"] + [f"  {key}: {n}  # note {key}" for n, key in enumerate(keys)] + ["end: 1"]
    text = ending.join(rows) + ending
    key = "abcdef"[pick]
    after = with_value(text, ("top", key), value, Path("x"))
    expected = yaml.safe_load(text)
    expected["top"][key] = value
    assert yaml.safe_load(after) == expected
    assert after.count(ending) == text.count(ending) + (key not in keys)
    assert [f"# note {k}" in after for k in keys] == [True] * len(keys)
