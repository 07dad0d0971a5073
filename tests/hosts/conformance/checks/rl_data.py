"""MindSpeed-RL's own reader and loader over our packed files."""

from types import SimpleNamespace

from mindspeed_rl.datasets.build_dataset import build_train_valid_test_datasets
from mindspeed_rl.datasets.dataloader import PromptDataLoader
from mindspeed_rl.datasets.prompt_dataset import PromptDataset


def read_rows(prefix, tokenizer, keys, count):
    """The first batch, of `count` prompts and their further columns."""
    extra = SimpleNamespace(
        max_prompt_length=512, is_pairwise_dataset=False, dataset_additional_keys=keys,
        prompt_type=None, prompt_type_path=None, enable_thinking=False,
    )  # fmt: skip
    train, _, _ = build_train_valid_test_datasets(
        data_prefix=[prefix], splits_string="100,0,0", seq_length=512,
        train_valid_test_num_samples=(12, 0, 0), dataset_cls=PromptDataset, tokenizer=tokenizer,
        parallel_state=None, full_shuffle_instruction_dataset=False, no_shuffle=True, seed=42,
        extra_param=extra,
    )  # fmt: skip
    return next(iter(PromptDataLoader(train, count, 0, 42, keys, True)))
