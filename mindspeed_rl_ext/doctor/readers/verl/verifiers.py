"""The verifiers of ours that a verl run names, as our manager and our function read them.

Covers: `reward_kwargs` of the manager `msrl_ext` and of `pkg://mindspeed_rl_ext.integrations.verl`.
Does not cover: values that a shell or a branch decides; reward functions of others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mindspeed_rl_ext.core.errors import InputError, MissingExtraError, nearest
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.rules import Place
from mindspeed_rl_ext.doctor.readers.verl.known import OPEN_TABLES
from mindspeed_rl_ext.doctor.readers.verl.run import VerlRun
from mindspeed_rl_ext.hosts.verl.points import NAME

if TYPE_CHECKING:
    from mindspeed_rl_ext.verifiers.by_source import Row, Table

MANAGER, PATH = "reward.reward_manager.name", "reward.custom_reward_function.path"
FUNCTION = "pkg://mindspeed_rl_ext.integrations.verl"
OF_MANAGER, OF_FUNCTION = OPEN_TABLES
# An answer in every form that verifiers read, so that each of them goes on to the reference.
_ANY_ANSWER = "<think>1</think> <answer>\\boxed{1}</answer>\nAnswer: 1\n#### 1"


@dataclass(frozen=True)
class OurVerifiers:
    """The verifiers that score a run.

    Args:
        table: by data source; None where the configuration is refused.
        refused: why it is refused.
        remedy: what to do then.
        by_function: whether the function scores, which verl tells less than the manager.
        place: where they are named.
    """

    label: ClassVar[Text] = Text("our verifiers in a verl script", "verl 脚本里我们的打分器")

    table: Table | None
    refused: str
    remedy: str
    by_function: bool
    place: Place

    @property
    def not_passed(self) -> list[str]:
        """What the verifiers need and verl does not pass to a function."""
        from mindspeed_rl_ext.hosts.verl.rewards import NUM_TOKENS, PROMPT

        needs = self.table.needs if self.table is not None and self.by_function else frozenset()
        return sorted({PROMPT, NUM_TOKENS} & needs)

    def unread(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Any, str]]:
        """The references that the verifiers call bad, with their reason.

        Args:
            rows: of a Parquet file, of sources that have verifiers.
        """
        from mindspeed_rl_ext.verifiers.by_source import score_rows
        from mindspeed_rl_ext.verifiers.verdict import Outcome

        made = [_row(row) for row in rows]
        # A missing one is the file's fault: `chat-missing-answer`.
        there = [row for row in made if row.answer is not None]
        try:
            results = score_rows(self.table, there) if self.table is not None else []
        except MissingExtraError:
            return  # here, which says nothing of the cluster
        for row, result in zip(there, results, strict=False):
            if result.outcome == Outcome.BAD_REFERENCE:
                yield row.answer, result.reason


def _row(row: Mapping[str, Any]) -> Row:
    from mindspeed_rl_ext.hosts.verl.rewards import NUM_TOKENS, PROMPT
    from mindspeed_rl_ext.verifiers.by_source import Row

    reward, extra = row.get("reward_model"), row.get("extra_info")
    answer = reward.get("ground_truth") if isinstance(reward, Mapping) else None
    columns = dict(extra) if isinstance(extra, Mapping) else {}
    # What verl hands on beside them.
    columns = {PROMPT: str(row.get("prompt")), NUM_TOKENS: 1, **columns}
    return Row(str(row.get("data_source")), _ANY_ANSWER, answer, columns)


def our_verifiers(run: VerlRun) -> OurVerifiers | None:
    """The verifiers of a run; None where others score it, or a shell decides."""
    by_function = run.text(PATH) == FUNCTION
    if not by_function and (run.text(MANAGER) != NAME or run.has(PATH)):
        return None
    kwargs = OF_FUNCTION if by_function else OF_MANAGER
    # Here, not above: no other file needs them.
    from mindspeed_rl_ext.hosts.verl.rewards import read_settings

    given = _below(run, kwargs)
    if given is None:
        return None
    named = f"{kwargs}.verifiers"
    place = run.place(named if run.has(named) else PATH if by_function else MANAGER)
    try:
        table = _of_function(given) if by_function else read_settings(given).table
    except MissingExtraError:
        return None  # here, which says nothing of the cluster
    except InputError as error:
        found = f" ({error.found})" if error.found else ""
        return OurVerifiers(None, error.what + found, error.remedy, by_function, place)
    return OurVerifiers(table, "", "", by_function, place)


def _of_function(given: Mapping[str, Any]) -> Table:
    from mindspeed_rl_ext.verifiers.by_source import build_table, known_table

    if given.get("verifiers") is None:
        return known_table()
    table = build_table(given["verifiers"], given.get("weights"))
    known = {"verifiers", "weights", *table.columns}
    unknown = sorted(set(given) - known)
    if unknown:
        raise InputError(f"no key {unknown[0]}", remedy=nearest(unknown[0], known))
    return table


def _below(run: VerlRun, above: str) -> dict[str, Any] | None:
    """The table below a key; None where any of it is open."""
    whole = run.get(above)
    found: dict[str, Any] = dict(whole) if isinstance(whole, Mapping) else {}
    if run.is_open(above) or not run.complete:
        return None
    for key, setting in run.settings.items():
        if not key.startswith(f"{above}."):
            continue
        if setting.is_open:
            return None
        *outer, last = key.removeprefix(f"{above}.").split(".")
        here = found
        for part in outer:
            here = here.setdefault(part, {})
        here[last] = setting.value
    return found
