"""Checks of the activation: does a Python that starts here adapt the hosts, and do they fit.

Covers: the `.pth`, the hook in this process, the switch, the probes on the hosts' source text.
Does not cover: Ray workers on other machines.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.activation.hook import current_finder, disabled, startup_waits
from mindspeed_rl_ext.activation.pth import PTH_NAME
from mindspeed_rl_ext.core.rules import At, Finding, Place, at
from mindspeed_rl_ext.doctor.readers.environment import Environment
from mindspeed_rl_ext.doctor.rulebook import check, rule
from mindspeed_rl_ext.hosts.ledger import ledger_row
from mindspeed_rl_ext.hosts.locate import probe_source

ACTIVATION_PTH_MISSING = rule(
    "activation-pth-missing",
    "error",
    on=Environment,
    en=(
        "no {pth}: host scripts and Ray workers start without the plugin",
        "pip install --force-reinstall --no-deps mindspeed-rl-ext, or start scripts "
        "with `msrl-ext run SCRIPT`",
    ),
    zh=(
        "没有 {pth}：宿主脚本和 Ray worker 启动时不带本插件",
        "pip install --force-reinstall --no-deps mindspeed-rl-ext，或用 `msrl-ext run 脚本` 启动",
    ),
)
ACTIVATION_PTH_NOT_INSTALLED = rule(
    "activation-pth-not-installed",
    "warning",
    on=Environment,
    en=(
        "no {pth}: host scripts and Ray workers start without the plugin",
        "pip install --force-reinstall --no-deps mindspeed-rl-ext, or start scripts "
        "with `msrl-ext run SCRIPT`",
    ),
    zh=(
        "没有 {pth}：宿主脚本和 Ray worker 启动时不带本插件",
        "pip install --force-reinstall --no-deps mindspeed-rl-ext，或用 `msrl-ext run 脚本` 启动",
    ),
)
ACTIVATION_PTH_INSTALLED = rule(
    "activation-pth-installed",
    "ok",
    on=Environment,
    en=("the activation .pth is there once",),
    zh=("激活用的 .pth 恰好一份",),
)
ACTIVATION_PTH_TWICE = rule(
    "activation-pth-twice",
    "warning",
    on=Environment,
    en=(
        "{count} copies of {pth}; the first on the path is used",
        "uninstall all but one: pip uninstall mindspeed-rl-ext",
    ),
    zh=("{pth} 有 {count} 份；路径上的第一份生效", "只留一份：pip uninstall mindspeed-rl-ext"),
)


@check(Environment)
def pth_files(found: Environment) -> Iterator[Finding]:
    """Exactly one copy of our `.pth` in the folders that this Python reads."""
    copies = [f / PTH_NAME for f in found.site_folders if (f / PTH_NAME).is_file()]
    if not copies:
        folders = Place(", ".join(map(str, found.site_folders)) or "no site-packages")
        missing = ACTIVATION_PTH_MISSING if found.ours else ACTIVATION_PTH_NOT_INSTALLED
        yield missing.at(folders, pth=PTH_NAME)
        return
    place = Place(", ".join(map(str, copies)))
    if len(copies) == 1:
        yield ACTIVATION_PTH_INSTALLED.at(place)
    else:
        yield ACTIVATION_PTH_TWICE.at(place, pth=PTH_NAME, count=len(copies))


@rule(
    "activation-disabled",
    "error",
    on=Environment,
    en=(
        "the plugin is turned off: hosts score our verifiers' names 0 silently",
        "unset MSRL_EXT_DISABLE",
    ),
    zh=("插件被关闭：宿主会把我们的打分器名字一律记 0 分，且不报错", "unset MSRL_EXT_DISABLE"),
)
def switch(found: Environment) -> Iterator[At]:
    """MSRL_EXT_DISABLE turns everything off, and a host then scores our names 0 silently."""
    if disabled():
        value = found.variables.get("MSRL_EXT_DISABLE")
        yield at(Place(f"MSRL_EXT_DISABLE={value}"))


ACTIVATION_HOOK_ACTIVE = rule(
    "activation-hook-active",
    "ok",
    on=Environment,
    en=("the import hook is active",),
    zh=("导入钩子已生效",),
)
ACTIVATION_HOOK_MISSING = rule(
    "activation-hook-missing",
    "error",
    on=Environment,
    en=(
        "the import hook is not active: the .pth did not run (python -S leaves it out)",
        "install the package into the environment of this Python, or start scripts "
        "with `msrl-ext run SCRIPT`",
    ),
    zh=(
        "导入钩子没有生效：.pth 没有运行（python -S 会跳过它）",
        "把本包装进这个 Python 的环境，或用 `msrl-ext run 脚本` 启动",
    ),
)
ACTIVATION_HOOK_NOT_INSTALLED = rule(
    "activation-hook-not-installed",
    "warning",
    on=Environment,
    en=(
        "the import hook is not active: the .pth did not run (python -S leaves it out)",
        "install the package into the environment of this Python, or start scripts "
        "with `msrl-ext run SCRIPT`",
    ),
    zh=(
        "导入钩子没有生效：.pth 没有运行（python -S 会跳过它）",
        "把本包装进这个 Python 的环境，或用 `msrl-ext run 脚本` 启动",
    ),
)


@check(Environment)
def hook(found: Environment) -> Iterator[Finding]:
    """This process, which started like any other, waits for a host or is adapted already."""
    if startup_waits() or current_finder() is not None:
        yield ACTIVATION_HOOK_ACTIVE.at(Place("this process"))
    elif not disabled():
        missing = ACTIVATION_HOOK_MISSING if found.ours else ACTIVATION_HOOK_NOT_INSTALLED
        yield missing.at(Place("this process"))


ACTIVATION_NO_HOST = rule(
    "activation-no-host",
    "note",
    on=Environment,
    en=("neither MindSpeed-LLM nor MindSpeed-RL is importable",),
    zh=("这个 Python 里既没有 MindSpeed-LLM 也没有 MindSpeed-RL",),
)
ACTIVATION_UNKNOWN_HOST = rule(
    "activation-unknown-host",
    "note",
    on=Environment,
    en=("{package}: this version has no adapter",),
    zh=("{package}：这个版本没有适配器",),
)
ACTIVATION_HOST_CHANGED = rule(
    "activation-host-changed",
    "error",
    on=Environment,
    en=(
        "{point} is not what any adapter knows: {misfit}",
        "install a version of mindspeed-rl-ext that knows this host; until then using "
        "our names there raises",
    ),
    zh=(
        "{point} 与所有适配器都不符：{misfit}",
        "安装认识这个宿主版本的 mindspeed-rl-ext；在此之前使用我们的名字会报错",
    ),
)
ACTIVATION_HOST_FITS = rule(
    "activation-host-fits",
    "ok",
    on=Environment,
    en=("{point} fits {adapter}",),
    zh=("{point} 符合 {adapter}",),
)
ACTIVATION_HOST_NEVER_CALLS = rule(
    "activation-host-never-calls",
    "note",
    on=Environment,
    en=("{point} is left alone: this host never calls it ({reason})",),
    zh=("{point} 不作改动：这个宿主从不调用它（{reason}）",),
)


@check(Environment)
def hosts(found: Environment) -> Iterator[Finding]:
    """Each host that could be imported has what our adapters touch."""
    if not found.hosts:
        yield ACTIVATION_NO_HOST.at(Place("path"))
    for package, folders in found.hosts.items():
        results = probe_source(package, folders)
        if not results:
            yield ACTIVATION_UNKNOWN_HOST.at(Place(", ".join(folders)), package=package)
        for fitted in results:
            values = {"point": f"{fitted.module}.{fitted.attribute}", "adapter": fitted.adapter}
            if fitted.misfit:
                row = Place(ledger_row(fitted.ledger))
                yield ACTIVATION_HOST_CHANGED.at(row, **values, misfit=fitted.misfit)
            elif fitted.unused:
                place = Place(fitted.ledger)
                yield ACTIVATION_HOST_NEVER_CALLS.at(place, **values, reason=fitted.unused)
            else:
                yield ACTIVATION_HOST_FITS.at(Place(fitted.ledger), **values)
