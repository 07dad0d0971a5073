"""verl's reward: keys that nothing reads, managers, functions and their keyword arguments.

Covers: what composes and then does nothing, or fails after the model is loaded.
Does not cover: data sources (`data`); what a function computes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.core.errors import nearest
from mindspeed_rl_ext.core.rules import At, Finding, at
from mindspeed_rl_ext.doctor.readers.verl.known import (
    EXTERNAL_MODULES,
    MANAGER_KWARGS,
    MANAGERS,
    OPEN_TABLES,
    moved_to,
    never,
)
from mindspeed_rl_ext.doctor.readers.verl.run import VerlRun
from mindspeed_rl_ext.doctor.readers.verl.verifiers import MANAGER, PATH
from mindspeed_rl_ext.doctor.rulebook import check, rule

REWARD_KWARGS, FUNCTION_KWARGS = OPEN_TABLES
NAME, SOURCE = "reward.custom_reward_function.name", "reward.reward_manager.source"
SINCE = (0, 9)
# Tables whose keys are not verl's: hydra's; Ray's, Megatron's, those of models and engines.
_OF_HYDRA = "hydra."
_OF_OTHERS = (".ray_init.", ".override_transformer_config.", ".override_config.", ".engine_kwargs.")

VERL_KEY_MOVED = rule(
    "verl-reward-key-moved",
    "error",
    on=VerlRun,
    en=(
        "{key} composes, but main_ppo reads it no more since verl 0.9: the default scorer and "
        "manager are used, silently",
        "write {now}",
    ),
    zh=(
        "{key} 能通过合成，但 verl 0.9 起 main_ppo 不再读取它：会悄悄使用默认打分函数与 manager",
        "改写为 {now}",
    ),
)
VERL_KEY_NEVER = rule(
    "verl-key-does-not-compose",
    "error",
    on=VerlRun,
    en=("{key} is no key of verl's configuration: hydra refuses it", "write {now}"),
    zh=("{key} 不是 verl 配置的键：hydra 会拒绝", "改写为 {now}"),
)


@check(VerlRun)
def keys_of_old_versions(run: VerlRun) -> Iterator[Finding]:
    """Keys of the reward are where this version reads them."""
    reads_old = run.version < SINCE or not run.entry.startswith("main_ppo")
    for setting in run.all_settings:
        now = never(setting.key)
        if now:
            yield VERL_KEY_NEVER.at(setting.place, key=setting.key, now=now)
            continue
        now = moved_to(setting.key)
        given = setting.is_open or setting.value is not None
        if now and given and not reads_old:
            yield VERL_KEY_MOVED.at(setting.place, key=setting.key, now=now)


@rule(
    "verl-kwargs-without-plus",
    "error",
    on=VerlRun,
    en=("{key} is not in verl's configuration: hydra refuses it without a +", "write +{key}=..."),
    zh=("{key} 不在 verl 的配置里：没有 + 时 hydra 会拒绝", "写成 +{key}=..."),
)
def added_keys(run: VerlRun) -> Iterator[At]:
    """What is not in the configuration is added."""
    for setting in run.all_settings if not run.is_yaml else ():
        if setting.prefix == "" and setting.key.startswith(tuple(f"{t}." for t in OPEN_TABLES)):
            yield at(setting.place, key=setting.key)


@rule(
    "verl-reward-manager-unknown",
    "error",
    on=VerlRun,
    en=(
        "reward manager {name} is not one of verl's: it stops after the model is loaded; {nearest}",
        "name one of verl's or ours (msrl_ext), or export " + EXTERNAL_MODULES + " for a plugin's",
    ),
    zh=(
        "reward manager {name} 不是 verl 自带的：加载完模型之后才会报错；{nearest}",
        "用 verl 自带的或我们的 msrl_ext；插件的请先导出 " + EXTERNAL_MODULES,
    ),
)
def manager(run: VerlRun) -> Iterator[At]:
    """The reward manager is registered."""
    name = run.text(MANAGER)
    by_module = run.has(SOURCE) and run.get(SOURCE) != "register"
    if name and name not in MANAGERS and not by_module and EXTERNAL_MODULES not in run.exported:
        yield at(run.place(MANAGER), name=name, nearest=nearest(name, MANAGERS))


@rule(
    "verl-manager-kwarg-unread",
    "warning",
    on=VerlRun,
    en=("the reward manager {manager} does not read {key}: it has no effect", "{nearest}"),
    zh=("reward manager {manager} 不读取 {key}：不起作用", "{nearest}"),
)
def manager_kwargs(run: VerlRun) -> Iterator[At]:
    """Arguments of the manager are read by it."""
    name = run.text(MANAGER)
    known = MANAGER_KWARGS.get(name)
    # A custom function gets them too.
    if known is None or run.has(PATH):
        return
    for key, setting in run.settings.items():
        inner = key.removeprefix(f"{REWARD_KWARGS}.").split(".")[0]
        if key.startswith(f"{REWARD_KWARGS}.") and inner not in known:
            yield at(setting.place, manager=name, key=inner, nearest=nearest(inner, known))


VERL_REWARD_FILE_MISSING = rule(
    "verl-reward-file-missing",
    "warning",
    on=VerlRun,
    en=(
        "{path} is not there on this machine: where it is missing, every session fails at its "
        "first reward",
        "correct the path; on a cluster every node must have it at the same place",
    ),
    zh=(
        "本机没有 {path}：缺少它的节点在第一次打分时全部失败",
        "改正路径；集群上每个节点都要在同一位置有它",
    ),
)
VERL_REWARD_FUNCTION_MISSING = rule(
    "verl-reward-function-missing",
    "error",
    on=VerlRun,
    en=(
        "{path} has no function {name}: every session fails at its first reward",
        NAME + "; {nearest}",
    ),
    zh=("{path} 里没有函数 {name}：第一次打分时全部失败", NAME + "；{nearest}"),
)
VERL_REWARD_KWARG_UNKNOWN = rule(
    "verl-reward-kwarg-unknown",
    "error",
    on=VerlRun,
    en=("{name}() takes no argument {key}: each row ends in a TypeError", "{nearest}"),
    zh=("{name}() 没有参数 {key}：每一行都会 TypeError", "{nearest}"),
)


@check(VerlRun)
def reward_function(run: VerlRun) -> Iterator[Finding]:
    """The reward function is there, and takes what it is given."""
    given = run.text(PATH)
    if not given or "://" in given:
        return
    path, name = Path(given), run.text(NAME) or "compute_score"
    if not path.is_file():
        if path.is_absolute():
            yield VERL_REWARD_FILE_MISSING.at(run.place(PATH), path=given)
        return  # a relative path belongs to the directory that the script is started in
    functions = _functions(path)
    if name not in functions and not run.is_open(NAME):
        close = nearest(name, functions)
        yield VERL_REWARD_FUNCTION_MISSING.at(run.place(NAME), path=given, name=name, nearest=close)
        return
    arguments = functions.get(name)
    for key, setting in run.settings.items() if arguments is not None else ():
        inner = key.removeprefix(f"{FUNCTION_KWARGS}.")
        if inner != key and inner.split(".")[0] not in (arguments or ()):
            close = nearest(inner, arguments or ())
            yield VERL_REWARD_KWARG_UNKNOWN.at(setting.place, name=name, key=inner, nearest=close)


def _functions(path: Path) -> dict[str, list[str] | None]:
    """Functions of a file to the names of their arguments; None where they take any."""
    try:
        tree = ast.parse(path.read_text("utf-8", errors="replace"))
    except SyntaxError:
        return {}
    found: dict[str, list[str] | None] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = [arg.arg for arg in (*node.args.args, *node.args.kwonlyargs)]
            found[node.name] = None if node.args.kwarg else arguments
        elif isinstance(node, ast.ImportFrom):
            found.update({alias.asname or alias.name: None for alias in node.names})
    return found


@rule(
    "verl-key-unknown",
    "error",
    on=VerlRun,
    en=(
        "{key} is no key of the installed verl: hydra refuses it as an override, and nothing "
        "reads it in a YAML",
        "{nearest}, or +{key}",
    ),
    zh=(
        "{key} 不是已安装 verl 的键：作为覆盖项 hydra 会拒绝，写在 YAML 里则没有人读",
        "{nearest}，或 +{key}",
    ),
)
def installed_keys(run: VerlRun) -> Iterator[At]:
    """Keys are those of the verl that is installed."""
    for setting in run.all_settings if run.composed else ():
        key = setting.key
        known = key in run.composed or never(key) or key.startswith((*OPEN_TABLES, _OF_HYDRA))
        # A YAML adds to tables that overrides need a `+` for.
        known = known or (run.is_yaml and any(part in f".{key}." for part in _OF_OTHERS))
        if not known and setting.prefix == "" and "." in key:
            yield at(setting.place, key=key, nearest=nearest(key, run.composed))
