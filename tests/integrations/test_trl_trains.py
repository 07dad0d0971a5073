"""The real GRPOTrainer on a tiny model: TRL itself says what it passes and what it logs."""

from __future__ import annotations

import pytest

from mindspeed_rl_ext.core.responses.metrics import read_metrics
from mindspeed_rl_ext.integrations.packed_prompts import packed_prompts
from mindspeed_rl_ext.integrations.trl import reward_functions
from mindspeed_rl_ext.integrations.trl_metrics import TRL_NAMES, metrics_callback

trl = pytest.importorskip("trl", reason="the run needs trl")
torch = pytest.importorskip("torch", reason="the run needs torch")
datasets = pytest.importorskip("datasets", reason="the run needs datasets")

STEPS, PROMPTS, SAMPLES = 2, 2, 4


@pytest.fixture(scope="module")
def tokenizer():
    """One token a character, no special token in prompts."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<pad>", "<eos>", "<unk>", *'0123456789+-*/=()<>answertgkumbe{}":,[]']
    vocab = {word: i for i, word in enumerate(dict.fromkeys(words))}
    made = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    made.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )


@pytest.fixture(scope="module")
def model(tokenizer):
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    return Qwen2ForCausalLM(Qwen2Config(vocab_size=len(tokenizer), **sizes, **heads))


def packed(tokenizer, prompt: str, answer: str) -> dict[str, list[int]]:
    ids = tokenizer.encode(prompt)
    return {
        "input_ids": ids,
        "attention_mask": [1] * len(ids),
        "labels": tokenizer.encode(answer),
    }


def test_trl_trains_on_our_prompts_with_our_verifiers(model, tokenizer, tmp_path):
    answers = ['{"target":3,"numbers":[1,2]}', '{"target":9,"numbers":[4,5]}']
    rows = packed_prompts([packed(tokenizer, f"{a[10]}=", a) for a in answers], tokenizer)
    assert [row["answer"] for row in rows] == answers
    batches = []
    trainer = trl.GRPOTrainer(
        model=model,
        reward_funcs=reward_functions(
            ["countdown", "countdown_format"], on_verdicts=lambda *batch: batches.append(batch)
        ),
        args=trl.GRPOConfig(
            output_dir=str(tmp_path / "trl"),
            max_steps=STEPS,
            per_device_train_batch_size=PROMPTS * SAMPLES,
            num_generations=SAMPLES,
            max_completion_length=6,
            reward_weights=[0.8, 0.2],
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        ),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[metrics_callback(tmp_path / "metrics.jsonl")],
    )
    trainer.train()

    found = list(read_metrics(tmp_path / "metrics.jsonl"))
    assert [row.step for row in found] == list(range(1, STEPS + 1))
    for row in found:
        missing = {ours for theirs, ours in TRL_NAMES.items() if theirs != "kl"} - set(row.values)
        assert not missing, f"TRL {trl.__version__} logs no {missing}"
        for name in ("countdown", "countdown_format"):
            outcomes = [v for k, v in row.values.items() if k.startswith(f"{name}_outcome/")]
            assert sum(outcomes) == pytest.approx(1)
            assert row.values[f"{name}_rewards/mean"] == pytest.approx(0, abs=1)
        assert row.values["actor/entropy"] > 0

    assert len(batches) == STEPS
    for step, (prompts, responses, columns, verdicts) in enumerate(batches, start=1):
        assert len(prompts) == len(responses) == PROMPTS * SAMPLES
        assert columns["step"] == [step] * len(prompts)
        assert set(columns["answer"]) <= set(answers)
        assert max(columns["num_tokens"]) <= 6
        mean = sum(v.score for v in verdicts["countdown"]) / len(prompts)
        assert found[step - 1].values["countdown_rewards/mean"] == pytest.approx(mean)
