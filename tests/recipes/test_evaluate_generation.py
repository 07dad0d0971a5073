"""Responses of a real, tiny model through transformers: batches, seeds, resuming, Ctrl-C."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the backend hf runs on torch")
pytest.importorskip("transformers", reason="the backend hf runs on transformers")

from mindspeed_rl_ext.cli import _dispatch as cli  # noqa: E402
from mindspeed_rl_ext.core.errors import InputError  # noqa: E402
from mindspeed_rl_ext.recipes.evaluation.backends import (  # noqa: E402
    Sampling,
    generate,
    open_backend,
)
from mindspeed_rl_ext.recipes.evaluation.backends.hf import HfBackend  # noqa: E402
from mindspeed_rl_ext.recipes.tiny_model import (  # noqa: E402
    EOS_TOKEN,
    build_model,
    build_tokenizer,
)

ENDS = range(128, 256, 8)
PROMPTS = ["1+1=", "what is 22 plus 3?", "7", "a much longer question than all the others: 5*5?"]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A model that ends its responses now and then: its checkpoint names many end tokens."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer = build_tokenizer(folder)
    built = build_model(tokenizer, seed=3)
    built.generation_config.eos_token_id = sorted({tokenizer.eos_token_id, *ENDS})
    built.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def backend(model) -> HfBackend:
    return open_backend("hf", model, batch_size=4, device="cpu", dtype="float32")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "gsm8k" / "test.jsonl"
    path.parent.mkdir(parents=True)
    rows = [{"question": f"{i}+{i}?", "answer": f"so\n#### {2 * i}"} for i in range(7)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "data"


def greedy_by_hand(backend: HfBackend, prompt: str, max_tokens: int) -> list[int]:
    """One token at a time, without cache, padding or transformers' generate."""
    ids = backend.tokenizer.encode(prompt, add_special_tokens=False)
    made: list[int] = []
    while len(made) < max_tokens:
        with torch.no_grad():
            logits = backend.model(torch.tensor([ids + made])).logits
        made.append(int(logits[0, -1].argmax()))
        if made[-1] in (backend.tokenizer.eos_token_id, *ENDS):
            break
    return made


def test_greedy_batches_give_what_one_prompt_at_a_time_gives(backend):
    responses = backend.generate(PROMPTS, Sampling(max_tokens=20))
    for prompt, (response,) in zip(PROMPTS, responses, strict=True):
        ids = greedy_by_hand(backend, prompt, 20)
        assert response.num_tokens == len(ids)
        assert response.text == backend.tokenizer.decode(ids, skip_special_tokens=True)
        assert response.cut == (ids[-1] not in (backend.tokenizer.eos_token_id, *ENDS))


def test_samples_are_those_of_the_seed(backend):
    sampling = Sampling(n=3, temperature=1.0, max_tokens=24, seed=1)
    first = backend.generate(PROMPTS, sampling)
    assert [len(row) for row in first] == [3] * 4
    assert len({r.text for row in first for r in row}) > 4
    assert first == backend.generate(PROMPTS, sampling)
    other = Sampling(n=3, temperature=1.0, max_tokens=24, seed=2)
    assert first != backend.generate(PROMPTS, other)


def test_lengths_count_the_end_token_and_a_cut_response_has_none(backend):
    sampling = Sampling(n=16, temperature=1.0, max_tokens=24)
    responses = [r for row in backend.generate(PROMPTS, sampling) for r in row]
    assert {r.cut for r in responses} == {True, False}
    for r in responses:
        assert 1 <= r.num_tokens <= 24
        assert r.num_tokens == 24 or not r.cut
        assert EOS_TOKEN not in r.text
        # Every token of this tokenizer is one character or more, but for broken UTF-8.
        assert len(r.text) >= (r.num_tokens - (not r.cut)) / 4


@pytest.mark.parametrize("stop", ["5", "55", "<answer>", EOS_TOKEN])
def test_a_stop_text_ends_a_response_and_stays(backend, stop):
    sampling = Sampling(n=16, temperature=1.0, max_tokens=40)
    free = [r for row in backend.generate(PROMPTS, sampling) for r in row]
    stopped = Sampling(n=16, temperature=1.0, max_tokens=40, stop=(stop,))
    responses = [r for row in backend.generate(PROMPTS, stopped) for r in row]
    for r in responses:
        assert stop not in r.text[:-1]
        if stop in r.text:
            assert r.text.endswith(stop)
            assert r.cut is False
    if stop == "5":
        assert any(stop in r.text for r in responses)
        assert sum(r.num_tokens for r in responses) < sum(r.num_tokens for r in free)


def test_generate_is_one_call(model):
    seen: list[int] = []
    made = generate(
        PROMPTS, backend="hf", model=model, n=2, temperature=1.0, max_tokens=4, seed=0,
        on_batch=seen.append, batch_size=3, device="cpu",
    )  # fmt: skip
    assert [len(row) for row in made] == [2] * 4
    assert seen == [3, 1]


def test_a_model_in_training_stays_in_training(backend):
    backend.model.train()
    HfBackend(backend.model, tokenizer=backend.tokenizer).generate(["1"], Sampling(max_tokens=2))
    assert backend.model.training
    backend.model.eval()


def test_the_checkpoints_own_sampling_taste_is_not_used(backend):
    config = backend.model.generation_config
    before = backend.generate(PROMPTS, Sampling(max_tokens=20))
    config.repetition_penalty, config.no_repeat_ngram_size = 5.0, 1
    try:
        assert backend.generate(PROMPTS, Sampling(max_tokens=20)) == before
    finally:
        config.repetition_penalty, config.no_repeat_ngram_size = 1.0, 0


def test_prompts_that_leave_no_room_are_refused(backend):
    with pytest.raises(InputError) as caught:
        backend.generate(["a" * 250], Sampling(max_tokens=7))
    assert caught.value.remedy == "--max-tokens 6"
    with pytest.raises(InputError, match="no tokens"):
        backend.generate(["1", ""], Sampling(max_tokens=7))


def test_an_unknown_backend_gives_the_nearest_name(model):
    with pytest.raises(InputError, match="vllm"):
        open_backend("vlm", model)


@pytest.mark.parametrize("gone", ["tokenizer.json", "config.json", "model.safetensors"])
def test_a_model_directory_that_lacks_a_part_is_refused(model, tmp_path, gone):
    for path in model.iterdir():
        if path.name != gone and not (gone == "tokenizer.json" and "tokenizer" in path.name):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(InputError):
        open_backend("hf", tmp_path)


def words(data: Path, model: Path, out: Path, *more: str) -> list[str]:
    fixed = ["evaluate", "--benchmark", "gsm8k", "--data-dir", str(data), "--backend", "hf"]
    fixed += ["--model", str(model), "--prompt-type", "empty", "--n", "2", "--temperature", "1"]
    fixed += ["--max-tokens", "8", "--batch-size", "2", "--device", "cpu", "--dtype", "float32"]
    return [*fixed, "--output", str(out), *more]


def rows(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "rollouts.jsonl").read_text().splitlines()]


def test_an_interrupted_evaluation_goes_on_as_if_it_had_not_been(
    data, model, tmp_path, monkeypatch, capsys
):
    assert cli.main(words(data, model, tmp_path / "whole")) == 0
    generate_batch = HfBackend.generate
    calls = []

    def interrupted(self, prompts, sampling):
        calls.append(len(prompts))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return generate_batch(self, prompts, sampling)

    monkeypatch.setattr(HfBackend, "generate", interrupted)
    assert cli.main(words(data, model, tmp_path / "cut")) == 130
    kept = tmp_path / "cut" / "responses.jsonl"
    assert len(kept.read_text().splitlines()) == 4
    assert not (tmp_path / "cut" / "rollouts.jsonl").exists()
    # A kill while a line was written: half of it is there.
    kept.write_bytes(kept.read_bytes()[:-20])
    calls[:] = [0, 0, 0]
    assert cli.main(words(data, model, tmp_path / "cut", "--resume")) == 0
    assert calls[3:] == [2, 2, 1]
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")
    capsys.readouterr()


def test_resuming_a_whole_evaluation_grades_again_without_generating(
    data, model, tmp_path, monkeypatch, capsys
):
    assert cli.main(words(data, model, tmp_path / "out")) == 0
    monkeypatch.setattr(HfBackend, "generate", None)
    more = ("--resume", "--verifier", "boxed_acc")
    assert cli.main(words(data, model, tmp_path / "out", *more)) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["graders"]["strict"] == "boxed_acc"
    capsys.readouterr()


def test_other_settings_are_not_mixed_into_an_evaluation(data, model, tmp_path, capsys):
    assert cli.main(words(data, model, tmp_path / "out")) == 0
    assert cli.main(words(data, model, tmp_path / "out", "--resume", "--seed", "5")) == 2
    printed = capsys.readouterr().err
    assert "other settings: sampling" in printed
    (tmp_path / "out" / "responses.jsonl").write_text("not ours\n")
    assert cli.main(words(data, model, tmp_path / "out", "--resume")) == 2
    assert "a line that is not ours" in capsys.readouterr().err
    (tmp_path / "out" / "settings.json").unlink()
    assert cli.main(words(data, model, tmp_path / "out", "--resume")) == 2
    assert "is not known" in capsys.readouterr().err


def test_weights_that_changed_in_place_are_other_settings(data, model, tmp_path, capsys):
    copy = tmp_path / "model"
    copy.mkdir()
    for path in model.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    assert cli.main(words(data, copy, tmp_path / "out")) == 0
    build_model(build_tokenizer(copy), seed=9).save_pretrained(copy)
    assert cli.main(words(data, copy, tmp_path / "out", "--resume")) == 2
    assert "weights" in capsys.readouterr().err


def test_an_output_that_cannot_be_written_to_is_found_before_generating(
    data, model, tmp_path, monkeypatch, capsys
):
    (tmp_path / "out").write_text("mine")
    monkeypatch.setattr(HfBackend, "generate", None)
    assert cli.main(words(data, model, tmp_path / "out")) in (2, 3)
    assert (tmp_path / "out").read_text() == "mine"
    capsys.readouterr()


def test_a_refused_run_leaves_nothing_behind(data, model, tmp_path, capsys):
    more = ("--max-tokens", "400")
    assert cli.main(words(data, model, tmp_path / "out", *more)) == 2
    assert "do not fit into the model" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
