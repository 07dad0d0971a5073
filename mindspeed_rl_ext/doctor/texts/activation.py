"""Texts on the activation. Ids: A-."""

from mindspeed_rl_ext.doctor.texts.text import Text

_NO_PTH = "no {pth}: host scripts and Ray workers start without the plugin"
_NO_PTH_ZH = "没有 {pth}：宿主脚本和 Ray worker 启动时不带本插件"
_AGAIN = (
    "pip install --force-reinstall --no-deps mindspeed-rl-ext, or start scripts with "
    "`msrl-ext run SCRIPT`"
)
_AGAIN_ZH = (
    "pip install --force-reinstall --no-deps mindspeed-rl-ext，或用 `msrl-ext run 脚本` 启动"
)
_NO_HOOK = "the import hook is not active: {because}"
_NO_HOOK_ZH = "导入钩子没有生效：{because_zh}"
_HOOK = (
    "install the package into the environment of this Python, or start scripts with "
    "`msrl-ext run SCRIPT`"
)
_HOOK_ZH = "把本包装进这个 Python 的环境，或用 `msrl-ext run 脚本` 启动"

TEXTS = {
    "A-pth": Text("ok", "the activation .pth is there once", "", "激活用的 .pth 恰好一份", ""),
    "A-pth-missing": Text("error", _NO_PTH, _AGAIN, _NO_PTH_ZH, _AGAIN_ZH),
    "A-pth-not-installed": Text("warning", _NO_PTH, _AGAIN, _NO_PTH_ZH, _AGAIN_ZH),
    "A-pth-copies": Text(
        "warning",
        "{count} copies of {pth}; the first on the path is used",
        "uninstall all but one: pip uninstall mindspeed-rl-ext",
        "{pth} 有 {count} 份；路径上的第一份生效",
        "只留一份：pip uninstall mindspeed-rl-ext",
    ),
    "A-disabled": Text(
        "error",
        "the plugin is turned off: hosts score our verifiers' names 0 without a word",
        "unset MSRL_EXT_DISABLE",
        "插件被关闭：宿主会把我们的 verifier 名字一律记 0 分，且不报错",
        "unset MSRL_EXT_DISABLE",
    ),
    "A-hook": Text("ok", "the import hook is active", "", "导入钩子已生效", ""),
    "A-hook-missing": Text("error", _NO_HOOK, _HOOK, _NO_HOOK_ZH, _HOOK_ZH),
    "A-hook-not-installed": Text("warning", _NO_HOOK, _HOOK, _NO_HOOK_ZH, _HOOK_ZH),
    "A-no-host": Text(
        "note",
        "neither MindSpeed-LLM nor MindSpeed-RL is importable",
        "",
        "这个 Python 里既没有 MindSpeed-LLM 也没有 MindSpeed-RL",
        "",
    ),
    "A-unknown-host": Text(
        "note",
        "{package}: this version has no adapter",
        "",
        "{package}：这个版本没有适配器",
        "",
    ),
    "A-misfit": Text(
        "error",
        "{point} is not what any adapter knows: {misfit}",
        "install a version of mindspeed-rl-ext that knows this host; until then using our names "
        "there raises",
        "{point} 与所有适配器都不符：{misfit}",
        "安装认识这个宿主版本的 mindspeed-rl-ext；在此之前使用我们的名字会报错",
    ),
    "A-fits": Text("ok", "{point} fits {adapter}", "", "{point} 符合 {adapter}", ""),
}
