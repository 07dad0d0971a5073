"""What a row of the table is: a key of MindSpeed-RL, verl's key for it, and how the value changes.

Covers: keys that keep their value (`same`), keys that make something together (`joint`), keys
without a counterpart (`none`). Does not cover: the rows; `training_keys`, `rl_keys` and
`rollout_keys` hold them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import Layers
from mindspeed_rl_ext.doctor.readers.mindspeed.rl_run import RolloutRun

# A key of verl and its value.
Pair = tuple[str, Any]
ACTOR, ROLLOUT, REF, MODEL = (
    f"actor_rollout_ref.{part}" for part in ("actor", "rollout", "ref", "model")
)
MEGATRON = f"{ACTOR}.megatron"
TRANSFORMER = f"{MEGATRON}.override_transformer_config"
REWARD_KWARGS = "reward.reward_kwargs"
VARIABLES = "ray_kwargs.ray_init.runtime_env.env_vars"
# Parts of MindSpeed-RL's file; the actor's keys stand in `megatron_training` or `actor_config`.
TRAINING, CRITIC, RL, GENERATE, SAMPLING = (
    "megatron_training",
    "critic_config",
    "rl_config",
    "generate_config",
    "generate_config.sampling_config",
)


@dataclass(frozen=True)
class Source:
    """The configuration that is translated.

    Args:
        run: it, as MindSpeed-RL's trainers read it.
        version: the first two numbers of the verl that it is for.
        npus_per_node: cards of one machine.
        notes: what a conversion found that the reader must know; it adds to them.
    """

    run: RolloutRun
    version: tuple[int, ...]
    npus_per_node: int
    notes: list[Text] = field(default_factory=list)

    def part(self, name: str) -> Layers:
        """The values of a part, the host's defaults behind them."""
        parts: dict[str, Layers] = {
            TRAINING: self.run.actor,
            RL: self.run.rl,
            GENERATE: self.run.generate,
            SAMPLING: self.run.sampling,
        }
        return parts.get(name) or self.run.role(name)

    def given(self, name: str) -> list[str]:
        """The keys that the file gives for a part, without those of the model file."""
        tables = (TRAINING, "actor_config") if name == TRAINING else (name,)
        keys = (key for one in tables for key in self.run.document.table(*one.split(".")))
        return list(dict.fromkeys(str(key).replace("-", "_") for key in keys))


Convert = Callable[[Source], Iterable[Pair]]


@dataclass(frozen=True)
class KeyRow:
    """One row.

    Args:
        part: where the keys stand.
        keys: of MindSpeed-RL; several where they make something together.
        verl: the keys that come of them; empty where there is no counterpart.
        text: what changes, or why nothing corresponds.
        convert: the keys and values of verl; None where there is no counterpart.
        always: whether it is converted where no key is given, since the hosts' defaults differ.
        since: the first version of verl that has the keys.
    """

    part: str
    keys: tuple[str, ...]
    verl: tuple[str, ...]
    text: Text
    convert: Convert | None = None
    always: bool = False
    since: tuple[int, ...] = (0, 7)


def same(
    part: str, key: str, verl: str, en: str, zh: str, *, default: Any = None, **options: Any
) -> KeyRow:
    """A key whose value stays as it is.

    Args:
        part: of MindSpeed-RL's file.
        key: there.
        verl: the key of verl.
        en: what it means, in English.
        zh: the same in Chinese.
        default: the host's, where verl's is another one: it is written where the key is not given.
        options: further fields of the row.
    """

    def convert(source: Source) -> Iterable[Pair]:
        value = source.part(part).get(key)
        return [(verl, default if value is None else value)]

    always = default is not None
    return KeyRow(part, (key,), (verl,), Text(en, zh), convert, always, **options)


def joint(
    part: str, keys: str, verl: Sequence[str], convert: Convert, en: str, zh: str, **options: Any
) -> KeyRow:
    """Keys that make something together.

    Args:
        part: of MindSpeed-RL's file.
        keys: there, with blanks between.
        verl: the keys that may come of them.
        convert: makes them.
        en: what changes, in English.
        zh: the same in Chinese.
        options: further fields of the row.
    """
    return KeyRow(part, tuple(keys.split()), tuple(verl), Text(en, zh), convert, **options)


def none(part: str, keys: str, en: str, zh: str) -> KeyRow:
    """Keys without a counterpart, and why.

    Args:
        part: of MindSpeed-RL's file.
        keys: there, with blanks between.
        en: why, in English.
        zh: the same in Chinese.
    """
    return KeyRow(part, tuple(keys.split()), (), Text(en, zh))
