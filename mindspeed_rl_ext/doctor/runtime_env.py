"""S1-12: Ray's runtime_env.yaml beside the configuration that uses it.

Covers: env_vars that are text, VLLM_DP_SIZE, the setup hook, our switch, network cards.
Does not cover: variables that only a driver knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from mindspeed_rl_ext.doctor.document import Document
from mindspeed_rl_ext.doctor.finding import Finding, Place
from mindspeed_rl_ext.doctor.launch import (
    ADDRESS_VARIABLES,
    CARD_VARIABLES,
    address,
    cards_and_addresses,
)
from mindspeed_rl_ext.doctor.network import addresses_of_cards
from mindspeed_rl_ext.doctor.run_rl import RlRun
from mindspeed_rl_ext.doctor.schema import check_part, unknown_key

HOOK = "worker_process_setup_hook"
# Keys of Ray's runtime environments.
_KEY_NAMES = """
    env_vars working_dir py_modules py_executable excludes pip uv conda container image_uri
    config nsight mpi java_jars worker_process_setup_hook
"""
KEYS = tuple(_KEY_NAMES.split())
SWITCHED_OFF = ("", "0", "false", "False")


def check_keys(document: Document) -> None:
    """Raises InputError on a key that Ray does not know."""
    for key in document.value:
        if key not in KEYS:
            raise unknown_key(document, (str(key),), KEYS)
    check_part(document, (), {**dict.fromkeys(KEYS, "anything"), "env_vars": "table"})


def rules(
    document: Document,
    run: RlRun | None,
    cards_here: Callable[[], Mapping[str, list[str]]] = addresses_of_cards,
) -> Iterator[Finding]:
    """All rules on a runtime_env.

    Args:
        document: the file.
        run: the configuration that uses it.
        cards_here: this machine's network cards.
    """
    yield from _texts(document)
    yield from _hook(document)
    yield from _network(document, cards_here)
    variables = document.table("env_vars")
    if str(variables.get("MSRL_EXT_DISABLE", "0")) not in SWITCHED_OFF:
        place = document.place("env_vars", "MSRL_EXT_DISABLE")
        yield Finding("R12-disabled", place, {"value": variables["MSRL_EXT_DISABLE"]})
    if run is not None and run.is_rollout:
        yield from _data_parallel(document, run)


def _texts(document: Document) -> Iterator[Finding]:
    for key, value in document.table("env_vars").items():
        if not isinstance(value, str):
            spelled = str(value).lower() if isinstance(value, bool) else value
            place = document.place("env_vars", str(key))
            yield Finding("S1-12-type", place, {"key": key, "value": spelled})


def _hook(document: Document) -> Iterator[Finding]:
    hook = document.value.get(HOOK)
    if hook is None:
        yield Finding("S1-12-hook", document.place(HOOK))
    elif hook != "mindspeed_rl_ext.activate":
        yield Finding("S1-12-hook-other", document.place(HOOK), {"value": hook})


def _network(
    document: Document, cards_here: Callable[[], Mapping[str, list[str]]]
) -> Iterator[Finding]:
    variables = document.table("env_vars")
    named = {key: str(variables[key]) for key in CARD_VARIABLES if variables.get(key)}
    if len(set(named.values())) > 1:
        place = document.place("env_vars", next(iter(named)))
        yield Finding("R12-cards-differ", place, {"cards": named})
    if "MASTER_ADDR" in variables:
        place = document.place("env_vars", "MASTER_ADDR")
        yield from address(str(variables["MASTER_ADDR"]), place)
    values = {key: str(variables.get(key) or "") for key in (*CARD_VARIABLES, *ADDRESS_VARIABLES)}

    def place_of(key: str) -> Place:
        return document.place("env_vars", key)

    # The file goes to every node: it cannot say which of them is the master.
    yield from cards_and_addresses(values, place_of, one_node=False, cards_here=cards_here)


def _data_parallel(document: Document, run: RlRun) -> Iterator[Finding]:
    value = str(document.table("env_vars").get("VLLM_DP_SIZE", ""))
    expected = str(run.generate.size("infer_expert_parallel_size") if run.is_moe else 1)
    # Without it the host takes 1.
    if (value or "1") == expected:
        return
    reason, reason_zh = "a dense model has one engine", "稠密模型只能是 1"
    if run.is_moe:
        reason = f"a mixture of experts needs infer_expert_parallel_size {expected}"
        reason_zh = f"MoE 必须等于 infer_expert_parallel_size {expected}"
    values = {"expected": expected, "reason": reason, "reason_zh": reason_zh}
    values |= {"value": value or "not set", "value_zh": value or "空（没有设置）"}
    yield Finding("S1-12", document.place("env_vars", "VLLM_DP_SIZE"), values)
