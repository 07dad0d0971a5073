"""Args of trained checkpoints: what contradicts is refused, what differs is a warning."""

from __future__ import annotations

import json

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.mapping.check_args import differences
from mindspeed_rl_ext.checkpoint.mapping.model import read_model
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch", reason="torch changes the args")


def change_args(kit, folder, **changes) -> None:
    for path in folder.rglob("*.pt"):
        content = kit.torch_load(path)
        vars(content["args"]).update(changes)
        torch.save(content, path)


@pytest.mark.parametrize(
    ("changes", "config", "named"),
    [
        ({"rotary_base": 10000}, {}, "rotary_base=10000, config.json says 1000000.0"),
        ({"norm_epsilon": 1e-5}, {}, "norm_epsilon=1e-05, config.json says 1e-06"),
        ({"rope_scaling_type": "yarn", "rope_scaling_factor": 4.0},
         {"rope_scaling": {"rope_type": "yarn", "factor": 40.0}},
         "rope_scaling_factor=4.0, config.json says 40.0"),
        ({"use_rope_scaling": True}, {}, "config.json says no rope_scaling"),
    ],
    ids=["base", "epsilon", "scaling", "scaling without a word of it"],
)  # fmt: skip
def test_settings_that_differ_from_config_are_warned_of_with_both_values(
    kit, hf_dir, tmp_path, caplog, changes, config, named
):
    kit.edit_config(hf_dir, **config)
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg"))
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "same"))
    assert "was trained with" not in caplog.text
    change_args(kit, tmp_path / "mg", **changes)
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back"))
    assert named in caplog.text
    written = json.loads((tmp_path / "back/config.json").read_text())
    assert written["rope_theta"] == 1000000.0


def test_args_that_the_family_does_not_use_may_have_any_value(kit, tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.Qwen3MoeConfig(
        vocab_size=32, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8, num_experts=4,
        moe_intermediate_size=8,
    )  # fmt: skip
    transformers.Qwen3MoeForCausalLM(config).save_pretrained(tmp_path / "hf")
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg"))
    change_args(kit, tmp_path / "mg", ffn_hidden_size=8, intermediate_size=64)
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back", verify=True))
    change_args(kit, tmp_path / "mg", num_experts=8)
    with pytest.raises(InputError, match="num_experts=8"):
        convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "again"))


def test_a_dense_model_still_needs_its_width(kit, hf_dir, tmp_path):
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg"))
    change_args(kit, tmp_path / "mg", ffn_hidden_size=8)
    with pytest.raises(InputError, match="ffn_hidden_size=8"):
        convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back"))


def test_what_config_does_not_say_is_no_difference(kit, hf_dir):
    kit.edit_config(hf_dir, rms_norm_eps=None)
    assert list(differences(read_model(hf_dir), {"norm_epsilon": 1e-5, "rotary_base": None})) == []
