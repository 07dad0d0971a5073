"""The reward manager `msrl_ext` of verl: `reward.reward_manager.name=msrl_ext`.

Covers: verl 0.7 to main, whose reward loop awaits one row at a time.
Does not cover: scoring; `verl_rewards` does. Importing this module needs verl: it is imported once
verl has loaded its own registry of managers.
"""

from __future__ import annotations

from typing import Any

from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase

from mindspeed_rl_ext.hosts.verl.rewards import RawRow, Scorer, read_settings


class MsrlExtRewardManager(RewardManagerBase):  # type: ignore[misc]  # verl has no types
    """Scores with the verifiers of `reward.reward_kwargs`.

    Args:
        config: verl's configuration.
        tokenizer: of the policy.
        compute_score: verl's function; it is not called.
        unused: what verl passes to managers that use a reward model.

    Raises:
        InputError: `reward.reward_kwargs` is wrong.
    """

    def __init__(
        self, config: Any, tokenizer: Any, compute_score: Any = None, **unused: Any
    ) -> None:
        super().__init__(config, tokenizer, compute_score)
        self._scorer = Scorer(read_settings(_plain(config.reward.get("reward_kwargs"))), self._text)

    async def run_single(self, data: Any) -> dict[str, Any]:
        """The reward of a row; of several turns the last one counts."""
        item = data[-1:][0]
        responses, prompts = item.batch["responses"], item.batch["prompts"]
        mask = item.batch["attention_mask"].bool()
        columns = item.non_tensor_batch
        reference = columns.get("reward_model")
        raw = RawRow(
            source=str(columns.get("data_source", "")),
            response_ids=responses[mask[-responses.shape[-1] :]].tolist(),
            prompt_ids=prompts[mask[: prompts.shape[-1]]].tolist(),
            answer=reference.get("ground_truth") if hasattr(reference, "get") else None,
            columns={**_extra(columns), **_turns(columns)},
        )
        return await self._scorer.reward(raw)

    def _text(self, ids: Any) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=True))


def _extra(columns: Any) -> dict[str, Any]:
    extra = columns.get("extra_info")
    return dict(extra) if hasattr(extra, "keys") else {}


def _turns(columns: Any) -> dict[str, Any]:
    fields = columns.get("tool_extra_fields")
    turns = {"num_turns": columns.get("__num_turns__")}
    return {**(dict(fields) if hasattr(fields, "keys") else {}), **turns}


def _plain(section: Any) -> dict[str, Any]:
    """A section of hydra as Python's own types."""
    if section is None:
        return {}
    from omegaconf import OmegaConf

    plain: Any = OmegaConf.to_container(section, resolve=True)
    return {str(key): value for key, value in plain.items()}
