"""A policy into a vLLM engine, against small doubles of the engine of each generation.

The model of the double is a real torch module with vLLM's fused parameters and its loader's habits;
only where the engine keeps it is imitated. `test_vllm_engine` runs the real one.
"""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from mindspeed_rl_ext.core.errors import InputError, MachineError

torch = pytest.importorskip("torch", reason="the integration moves torch tensors")

from mindspeed_rl_ext.integrations import vllm as integration  # noqa: E402
from mindspeed_rl_ext.integrations.vllm import (  # noqa: E402
    MODEL_PATHS,
    import_vllm,
    load_policy_into_vllm_instance,
    policy_weights,
)

HIDDEN, VOCAB = 4, 10


def policy_state() -> dict[str, Any]:
    torch.manual_seed(0)
    shapes = {
        "model.embed_tokens.weight": (VOCAB, HIDDEN),
        "model.layers.0.self_attn.q_proj.weight": (4, HIDDEN),
        "model.layers.0.self_attn.k_proj.weight": (2, HIDDEN),
        "model.layers.0.self_attn.v_proj.weight": (2, HIDDEN),
        "model.layers.0.mlp.gate_proj.weight": (6, HIDDEN),
        "model.layers.0.mlp.up_proj.weight": (6, HIDDEN),
        "model.norm.weight": (HIDDEN,),
    }
    return {name: torch.randn(shape) for name, shape in shapes.items()}


FUSED = {
    "model.embed_tokens.weight": (12, HIDDEN),  # padded
    "model.layers.0.self_attn.qkv_proj.weight": (8, HIDDEN),
    "model.layers.0.mlp.gate_up_proj.weight": (12, HIDDEN),
    "model.norm.weight": (HIDDEN,),
}
PARTS = {"q_proj": "qkv_proj", "k_proj": "qkv_proj", "v_proj": "qkv_proj",
         "gate_proj": "gate_up_proj", "up_proj": "gate_up_proj"}  # fmt: skip


class EngineModel(torch.nn.Module):
    """Loads as vLLM's models do: parts into fused parameters; returns the names it wrote."""

    def __init__(self, shapes: dict[str, tuple[int, ...]] = FUSED, reports: bool = True) -> None:
        super().__init__()
        self.own = {n: torch.nn.Parameter(torch.zeros(shape)) for n, shape in shapes.items()}
        self.reports = reports
        self.skipped = ""

    def named_parameters(self, *_: Any, **__: Any) -> Any:
        return iter(self.own.items())

    def load_weights(self, weights: Any) -> set[str] | None:
        written, filled = set(), dict.fromkeys(self.own, 0)
        for name, tensor in weights:
            part = next((p for p in PARTS if f".{p}." in name), None)
            target = name.replace(part, PARTS[part]) if part else name
            if target == self.skipped or target not in self.own:
                continue
            start = filled[target] if part else 0
            with torch.no_grad():
                self.own[target][start : start + tensor.shape[0]] = tensor
            filled[target] += tensor.shape[0]
            written.add(target)
        return written if self.reports else None


def engine(path: str, model: EngineModel) -> Any:
    """An LLM that keeps its model at a path, and counts how often its prefixes were dropped."""
    held: Any = model
    for part in reversed(path.split(".")):
        held = SimpleNamespace(**{part: held})
    held.resets = []
    held.reset_prefix_cache = lambda: held.resets.append(1)
    return held


@pytest.mark.parametrize("path", MODEL_PATHS)
def test_weights_arrive_in_fused_parameters_wherever_the_model_is_kept(path):
    model, state = EngineModel(), policy_state()
    llm = engine(path, model)
    load_policy_into_vllm_instance(state, llm)
    qkv = [state[f"model.layers.0.self_attn.{p}_proj.weight"] for p in "qkv"]
    assert torch.equal(model.own["model.layers.0.self_attn.qkv_proj.weight"], torch.cat(qkv))
    assert torch.equal(model.own["model.norm.weight"], state["model.norm.weight"])
    assert llm.resets == [1]


def test_an_engine_in_other_processes_is_reached_through_apply_model():
    models = [EngineModel(), EngineModel()]
    llm = SimpleNamespace(apply_model=lambda function: [function(model) for model in models])
    state = policy_state()
    load_policy_into_vllm_instance(state, llm)
    for model in models:
        assert torch.equal(model.own["model.norm.weight"], state["model.norm.weight"])


def test_several_devices_are_not_loaded_through_the_first_alone():
    first, second = EngineModel(), EngineModel()
    llm = engine(MODEL_PATHS[0], first)
    llm.llm_engine.vllm_config = SimpleNamespace(parallel_config=SimpleNamespace(world_size=2))
    llm.apply_model = lambda function: [function(model) for model in (first, second)]
    load_policy_into_vllm_instance(policy_state(), llm)
    assert second.own["model.norm.weight"].abs().sum() > 0


def test_a_module_and_a_wrapped_one_give_checkpoint_names():
    inner = torch.nn.Linear(2, 2)
    wrapped = SimpleNamespace(
        state_dict=lambda: {f"module._orig_mod.{n}": t for n, t in inner.state_dict().items()}
    )
    assert list(policy_weights(inner)) == list(policy_weights(wrapped)) == ["weight", "bias"]


def test_a_tied_head_beside_its_embedding_is_no_fault():
    state = policy_state()
    state["lm_head.weight"] = state["model.embed_tokens.weight"]
    load_policy_into_vllm_instance(state, engine(MODEL_PATHS[0], EngineModel()))


def test_a_loader_that_does_not_report_is_believed():
    load_policy_into_vllm_instance(
        policy_state(), engine(MODEL_PATHS[1], EngineModel(reports=False))
    )


def changed(**by_name: Any) -> dict[str, Any]:
    state = policy_state()
    for name, tensor in by_name.items():
        full = next((n for n in state if name in n), name)
        if tensor is None:
            del state[full]
        else:
            state[full] = tensor
    return state


@pytest.mark.parametrize(
    ("state", "printed"),
    [
        (changed(k_proj=None), "the policy has no model.layers.0.self_attn.k_proj.weight"),
        (changed(norm=torch.ones(5)), "model.norm.weight: the policy has (5,), vLLM (4,)"),
        (changed(v_proj=torch.ones(4, 4)), "(4, 4) + (2, 4) + (4, 4), vLLM (8, 4)"),
        (changed(v_proj=torch.ones(2, 5)), "(2, 5), vLLM (8, 4)"),
        (changed(embed=torch.ones(13, 4)), "(13, 4), vLLM (12, 4)"),
        (changed(**{"model.new.weight": torch.ones(1)}), "no place for model.new.weight"),
        ({}, "has no weights"),
        (changed(**{"layers.0.lora_A.weight": torch.ones(1)}), "merge_and_unload"),
    ],
)
def test_a_policy_that_does_not_fit_is_refused_and_nothing_is_written(state, printed):
    model = EngineModel()
    with pytest.raises(InputError) as caught:
        load_policy_into_vllm_instance(state, engine(MODEL_PATHS[0], model))
    assert printed in str(caught.value)
    assert all(not p.any() for p in model.own.values())


def test_repacked_weights_are_refused_before_anything_is_written():
    model = EngineModel({**FUSED, "model.layers.0.mlp.gate_up_proj.weight": (0,)})
    with pytest.raises(InputError) as caught:
        load_policy_into_vllm_instance(policy_state(), engine(MODEL_PATHS[0], model))
    assert "shape (0,)" in caught.value.found
    assert "start a new engine" in caught.value.remedy
    assert not model.own["model.norm.weight"].any()


def test_a_parameter_that_was_not_written_is_said():
    model = EngineModel()
    model.skipped = "model.norm.weight"
    with pytest.raises(MachineError, match=r"1 parameters were not written, such as model\.norm"):
        load_policy_into_vllm_instance(policy_state(), engine(MODEL_PATHS[0], model))


def test_a_loader_that_fails_half_way_says_that_the_engine_is_spoilt():
    model = EngineModel()
    model.load_weights = lambda weights: (_ for _ in ()).throw(AssertionError("shapes"))
    with pytest.raises(MachineError) as caught:
        load_policy_into_vllm_instance(policy_state(), engine(MODEL_PATHS[0], model))
    assert "AssertionError: shapes" in caught.value.found
    assert "start a new one" in caught.value.remedy


def test_an_engine_that_cannot_be_reached_names_the_ways():
    with pytest.raises(InputError) as caught:
        load_policy_into_vllm_instance(policy_state(), SimpleNamespace())
    assert "VLLM_ENABLE_V1_MULTIPROCESSING=0" in caught.value.remedy


def test_a_refused_serialisation_names_the_switch():
    def apply_model(function: Any) -> None:
        raise TypeError("partial is not serializable")

    with pytest.raises(InputError) as caught:
        load_policy_into_vllm_instance(policy_state(), SimpleNamespace(apply_model=apply_model))
    assert "VLLM_ALLOW_INSECURE_SERIALIZATION=1" in caught.value.remedy


def test_a_missing_vllm_is_said(monkeypatch):
    monkeypatch.setattr(integration, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="vLLM is not installed"):
        import_vllm()


def test_a_vllm_that_does_not_import_gives_the_cause(monkeypatch):
    def fails(name: str) -> ModuleType:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setitem(sys.modules, "vllm", None)
    monkeypatch.setattr(integration, "find_spec", lambda name: object())
    monkeypatch.setattr(integration, "import_module", fails)
    with pytest.raises(InputError) as caught:
        import_vllm()
    assert "pip uninstall torchvision" in caught.value.remedy
