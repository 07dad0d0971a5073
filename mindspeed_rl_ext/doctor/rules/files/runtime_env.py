"""Ray's runtime_env.yaml: variables that are text, the setup hook, our switch, VLLM_DP_SIZE.

Covers: the file beside the configuration that uses it. Does not cover: addresses (`network`).
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import At, Finding, at
from mindspeed_rl_ext.doctor.readers.launch_script import is_placeholder
from mindspeed_rl_ext.doctor.readers.mindspeed.rl_run import RolloutRun
from mindspeed_rl_ext.doctor.readers.network_cards import CARD_VARIABLES
from mindspeed_rl_ext.doctor.readers.runtime_env import RuntimeEnv
from mindspeed_rl_ext.doctor.rulebook import check, rule

HOOK = "worker_process_setup_hook"
OUR_HOOK = "mindspeed_rl_ext.activate"
SWITCHED_OFF = ("", "0", "false", "False")


@rule(
    "runtime-env-disables-plugin",
    "error",
    on=RuntimeEnv,
    en=(
        "MSRL_EXT_DISABLE is {value}: hosts score our verifiers' names 0 silently",
        "MSRL_EXT_DISABLE: '0'",
    ),
    zh=(
        "MSRL_EXT_DISABLE 是 {value}：宿主会把我们的打分器一律记 0 分",
        "MSRL_EXT_DISABLE: '0'",
    ),
)
def plugin_is_on(env: RuntimeEnv) -> Iterator[At]:
    """Workers leave the plugin on."""
    value = env.document.table("env_vars").get("MSRL_EXT_DISABLE", "0")
    if str(value) not in SWITCHED_OFF:
        yield at(env.document.place("env_vars", "MSRL_EXT_DISABLE"), value=value)


@rule(
    "runtime-env-placeholder",
    "warning",
    on=RuntimeEnv,
    en=("{key} is not filled in yet ({value})", "give {key} its value"),
    zh=("{key} 还没有填写（{value}）", "填写 {key}"),
)
def placeholders(env: RuntimeEnv) -> Iterator[At]:
    """Nothing is left as the host's example has it."""
    for key, value in env.document.table("env_vars").items():
        if isinstance(value, str) and is_placeholder(value):
            yield at(env.document.place("env_vars", str(key)), key=key, value=value)


@rule(
    "runtime-env-not-text",
    "error",
    on=RuntimeEnv,
    en=(
        "{key} is {value}, not text: Ray refuses env_vars that are no text",
        "write it in quotes: '{value}'",
    ),
    zh=("{key} 是 {value}，不是字符串：Ray 会拒绝", "加引号：'{value}'"),
)
def texts(env: RuntimeEnv) -> Iterator[At]:
    """Variables are text."""
    for key, value in env.document.table("env_vars").items():
        if not isinstance(value, str):
            spelled = str(value).lower() if isinstance(value, bool) else value
            yield at(env.document.place("env_vars", str(key)), key=key, value=spelled)


RUNTIME_ENV_NO_HOOK = rule(
    "runtime-env-no-hook",
    "note",
    on=RuntimeEnv,
    en=(
        "no worker_process_setup_hook: Ray workers rely on the .pth of their own Python",
        "worker_process_setup_hook: mindspeed_rl_ext.activate",
    ),
    zh=(
        "没有 worker_process_setup_hook：Ray worker 依赖各自 Python 里的 .pth",
        "worker_process_setup_hook: mindspeed_rl_ext.activate",
    ),
)
RUNTIME_ENV_OTHER_HOOK = rule(
    "runtime-env-other-hook",
    "warning",
    on=RuntimeEnv,
    en=(
        "worker_process_setup_hook is {value}, not ours",
        "worker_process_setup_hook: mindspeed_rl_ext.activate, or call it from yours",
    ),
    zh=(
        "worker_process_setup_hook 是 {value}，不是我们的",
        "worker_process_setup_hook: mindspeed_rl_ext.activate，或在你的钩子里调用它",
    ),
)


@check(RuntimeEnv)
def hook(env: RuntimeEnv) -> Iterator[Finding]:
    """Workers are activated even where their Python has no .pth of ours."""
    given = env.document.value.get(HOOK)
    if given is None:
        yield RUNTIME_ENV_NO_HOOK.at(env.document.place(HOOK))
    elif given != OUR_HOOK:
        yield RUNTIME_ENV_OTHER_HOOK.at(env.document.place(HOOK), value=given)


@rule(
    "runtime-env-network-cards-differ",
    "warning",
    on=RuntimeEnv,
    en=("the three SOCKET_IFNAME name different cards: {cards}", "one card, the same three times"),
    zh=("三个 SOCKET_IFNAME 指向不同网卡：{cards}", "三个填同一张网卡"),
)
def one_network_card(env: RuntimeEnv) -> Iterator[At]:
    """All libraries talk over one card."""
    variables = env.document.table("env_vars")
    named = {key: str(variables[key]) for key in CARD_VARIABLES if variables.get(key)}
    if len(set(named.values())) > 1:
        cards = ", ".join(f"{key} {card}" for key, card in named.items())
        yield at(env.document.place("env_vars", next(iter(named))), cards=cards)


VLLM_DP_SIZE_OF_DENSE_MODEL = rule(
    "vllm-dp-size-of-dense-model",
    "error",
    on=RuntimeEnv,
    en=("VLLM_DP_SIZE is {value}: a dense model has one engine", "VLLM_DP_SIZE: '1'"),
    zh=("VLLM_DP_SIZE 是 {value}，而稠密模型只能是 1", "VLLM_DP_SIZE: '1'"),
)
VLLM_DP_SIZE_OF_EXPERTS = rule(
    "vllm-dp-size-of-experts",
    "error",
    on=RuntimeEnv,
    en=(
        "VLLM_DP_SIZE is {value}: a mixture of experts needs infer_expert_parallel_size {expected}",
        "VLLM_DP_SIZE: '{expected}'",
    ),
    zh=(
        "VLLM_DP_SIZE 是 {value}，而 MoE 必须等于 infer_expert_parallel_size {expected}",
        "VLLM_DP_SIZE: '{expected}'",
    ),
)
VLLM_DP_SIZE_NOT_SET = rule(
    "vllm-dp-size-not-set",
    "error",
    on=RuntimeEnv,
    en=(
        "VLLM_DP_SIZE is not set: a mixture of experts needs infer_expert_parallel_size {expected}",
        "VLLM_DP_SIZE: '{expected}'",
    ),
    zh=(
        "没有设置 VLLM_DP_SIZE，而 MoE 必须等于 infer_expert_parallel_size {expected}",
        "VLLM_DP_SIZE: '{expected}'",
    ),
)


@check(RuntimeEnv)
def data_parallel_engines(env: RuntimeEnv) -> Iterator[Finding]:
    """vLLM has an engine per expert-parallel rank, a dense model one."""
    if not isinstance(env.run, RolloutRun):
        return
    value = str(env.document.table("env_vars").get("VLLM_DP_SIZE", ""))
    place, is_moe = env.document.place("env_vars", "VLLM_DP_SIZE"), env.run.is_moe
    expected = str(env.run.generate.size("infer_expert_parallel_size") if is_moe else 1)
    # Without it the host takes 1.
    if (value or "1") == expected:
        return
    if not is_moe:
        yield VLLM_DP_SIZE_OF_DENSE_MODEL.at(place, value=value)
    elif value:
        yield VLLM_DP_SIZE_OF_EXPERTS.at(place, value=value, expected=expected)
    else:
        yield VLLM_DP_SIZE_NOT_SET.at(place, expected=expected)
