"""The real vLLM: responses, and a policy into its engine, on a GPU where one is at hand.

Skipped where vLLM is not installed. On a CPU build the refusal is tested as it is, and the loading
with the build's repacking of weights switched off, so that the loader itself runs.

    VLLM_CPU_KVCACHE_SPACE=1 VLLM_CPU_OMP_THREADS_BIND=nobind VLLM_ENABLE_V1_MULTIPROCESSING=0 \
        python -m pytest tests/integrations/test_vllm_engine.py
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

if find_spec("vllm") is None:
    pytest.skip("vLLM is not installed", allow_module_level=True)
# Read when vLLM is imported: the engine in this process, where its model can be reached.
os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.integrations.vllm import (
    import_vllm,
    load_policy_into_vllm_instance,
)
from mindspeed_rl_ext.recipes.device import pick_device
from mindspeed_rl_ext.recipes.evaluation.backends import Sampling, open_backend
from mindspeed_rl_ext.recipes.tiny_model import build_model, build_tokenizer

PROMPTS = ["1+1=", "what is 22 plus 3?"]
GREEDY = Sampling(max_tokens=12)


def saved(folder: Path, seed: int) -> Any:
    tokenizer = build_tokenizer(folder)
    model = build_model(tokenizer, seed)
    model.save_pretrained(folder)
    return model


def start(folder: Path) -> Any:
    import_vllm()
    return open_backend("vllm", folder, dtype="float32", memory_fraction=0.3)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> tuple[Path, Path]:
    folders = tmp_path_factory.mktemp("old"), tmp_path_factory.mktemp("new")
    for seed, folder in enumerate(folders):
        saved(folder, seed)
    return folders


@pytest.fixture(scope="module")
def engine(models) -> Iterator[Any]:
    backend = start(models[0])
    yield backend
    del backend
    gc.collect()


def test_greedy_responses_are_those_of_transformers(engine, models):
    expected = open_backend("hf", models[0], dtype="float32").generate(PROMPTS, GREEDY)
    assert engine.generate(PROMPTS, GREEDY) == expected


def test_samples_are_those_of_the_seed_whatever_else_is_in_the_batch(engine):
    sampling = Sampling(n=3, temperature=1.0, max_tokens=12, seed=5)
    first = engine.generate(PROMPTS, sampling)
    assert [len(row) for row in first] == [3, 3]
    assert engine.generate(PROMPTS[1:], sampling) == first[1:]


def test_a_stop_text_ends_a_response(engine):
    sampling = Sampling(n=8, temperature=1.0, max_tokens=60, seed=1, stop=("1", "4", "7"))
    responses = [r for row in engine.generate(PROMPTS, sampling) for r in row]
    assert any(r.cut is False for r in responses)
    for r in responses:
        assert not set(r.text[:-1]) & set("147")


def test_prompts_that_leave_no_room_are_refused(engine):
    with pytest.raises(InputError, match="do not fit"):
        engine.generate(["a" * 250], GREEDY)


@pytest.mark.skipif(pick_device() != "cpu", reason="only a CPU build repacks its weights")
def test_a_cpu_build_refuses_new_weights_and_stays_as_it_is(engine, models):
    before = engine.generate(PROMPTS, GREEDY)
    with pytest.raises(InputError, match="can't take new weights on this device"):
        load_policy_into_vllm_instance(saved(models[1], 1), engine.llm)
    assert engine.generate(PROMPTS, GREEDY) == before


def test_a_loaded_policy_responds_as_transformers_does(models, monkeypatch):
    if pick_device() == "cpu":
        import vllm._custom_ops as ops

        if not hasattr(ops, "_supports_onednn"):
            pytest.skip("this CPU build has another switch for its repacking")
        monkeypatch.setattr(ops, "_supports_onednn", False)
    backend = start(models[0])
    old = backend.generate(PROMPTS, GREEDY)
    load_policy_into_vllm_instance(saved(models[1], 1), backend.llm)
    expected = open_backend("hf", models[1], dtype="float32").generate(PROMPTS, GREEDY)
    assert backend.generate(PROMPTS, GREEDY) == expected
    assert expected != old
