"""Keys of TRL files: those of the installed version, and where old ones went.

Covers: keys of older versions and of the scripts around them, as the Datawhale note has them.
Does not cover: values that TRL itself checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mindspeed_rl_ext.core.errors import nearest
from mindspeed_rl_ext.core.rules import Finding, Rule
from mindspeed_rl_ext.doctor.readers.trl_part import TrlPart
from mindspeed_rl_ext.doctor.rulebook import check, rule

# Keys of older versions and of scripts around them, and how they are written today.
RENAMED: Mapping[str, str] = {
    "torch_dtype": "dtype",
    "dataset_id_or_path": "dataset_name",
    "swanlab": "report_to: [swanlab]",
    "experiment_name": "run_name",
    "vllm_max_model_len": "vllm_max_model_length",
    "use_liger_loss": "use_liger_kernel",
    "evaluation_strategy": "eval_strategy",
}

TRL_NOT_INSTALLED = rule(
    "trl-not-installed",
    "note",
    on=TrlPart,
    en=(
        "TRL is not installed here, so its keys were not checked",
        'pip install "mindspeed-rl-ext[train]"',
    ),
    zh=("这里没有安装 TRL，没有检查它的键", 'pip install "mindspeed-rl-ext[train]"'),
)
TRL_KEYS_KNOWN = rule(
    "trl-keys-known",
    "ok",
    on=TrlPart,
    en=("all {count} keys are keys of TRL {version}",),
    zh=("{count} 个键都是 TRL {version} 的键",),
)
TRL_KEY_RENAMED = rule(
    "trl-key-renamed",
    "error",
    on=TrlPart,
    en=("{key} is not a key of TRL {version}", "write {now}"),
    zh=("{key} 不是 TRL {version} 的键", "改写为 {now}"),
)
TRL_KEY_UNKNOWN = rule(
    "trl-key-unknown",
    "error",
    on=TrlPart,
    en=("{key} is not a key of TRL {version}", "{nearest}"),
    zh=("{key} 不是 TRL {version} 的键", "{nearest}"),
)
TRL_KEY_WORKSPACE = rule(
    "trl-key-workspace",
    "error",
    on=TrlPart,
    en=("workspace is not a key of TRL {version}", "export SWANLAB_WORKSPACE=NAME"),
    zh=("workspace 不是 TRL {version} 的键", "export SWANLAB_WORKSPACE=名字"),
)
TRL_KEY_WARMUP_RATIO = rule(
    "trl-key-warmup-ratio",
    "error",
    on=TrlPart,
    en=(
        "warmup_ratio is not a key of TRL {version}",
        "write warmup_steps, which takes a fraction below 1",
    ),
    zh=("warmup_ratio 不是 TRL {version} 的键", "改写为 warmup_steps，小于 1 的数按比例算"),
)
TRL_KEY_MAX_PROMPT_LENGTH = rule(
    "trl-key-max-prompt-length",
    "error",
    on=TrlPart,
    en=(
        "max_prompt_length is not a key of TRL {version}, which cuts no prompts any more",
        "leave long prompts out of the data: msrl-ext preprocess --max-prompt-length",
    ),
    zh=(
        "max_prompt_length 不是 TRL {version} 的键：TRL 不再截断提示",
        "在数据里去掉过长的题：msrl-ext preprocess --max-prompt-length",
    ),
)
TRL_KEY_VLLM_DEVICE = rule(
    "trl-key-vllm-device",
    "error",
    on=TrlPart,
    en=(
        "vllm_device is not a key of TRL {version}",
        "vllm_mode: colocate shares the training devices, one process per device and none kept "
        "back; vllm_mode: server for a device of its own",
    ),
    zh=(
        "vllm_device 不是 TRL {version} 的键",
        "vllm_mode: colocate 与训练共用卡，每卡一个进程、不再留一张；单独一张卡用 "
        "vllm_mode: server",
    ),
)
TRL_KEY_OVERWRITE_OUTPUT_DIR = rule(
    "trl-key-overwrite-output-dir",
    "error",
    on=TrlPart,
    en=(
        "overwrite_output_dir is not a key of TRL {version}",
        "remove it: the directory is written to",
    ),
    zh=("overwrite_output_dir 不是 TRL {version} 的键", "去掉即可"),
)
# Old keys that one word does not replace.
_GONE: Mapping[str, Rule] = {
    "workspace": TRL_KEY_WORKSPACE,
    "warmup_ratio": TRL_KEY_WARMUP_RATIO,
    "max_prompt_length": TRL_KEY_MAX_PROMPT_LENGTH,
    "vllm_device": TRL_KEY_VLLM_DEVICE,
    "overwrite_output_dir": TRL_KEY_OVERWRITE_OUTPUT_DIR,
}
OLD_KEYS = frozenset({*RENAMED, *_GONE})
TRL_KEYS_TRANSLATED = rule(
    "trl-keys-translated",
    "note",
    on=TrlPart,
    en=(
        "`msrl-ext train --config {path}` translates {keys} and takes the file as it is; the "
        "errors hold for TRL itself",
    ),
    zh=(
        "`msrl-ext train --config {path}` 会自动改写 {keys}，文件可以直接用；上面的错误针对直接"
        "交给 TRL 的情况",
    ),
)
# What `msrl-ext train` translates in its recipes, which are no plain TRL files.
RECIPE_WORDS = frozenset({*OLD_KEYS, "dtype", "attn_implementation", "model_revision"})


@check(TrlPart)
def keys(part: TrlPart) -> Iterator[Finding]:
    """Every key is one of the installed version."""
    if not part.known:
        yield TRL_NOT_INSTALLED.at(part.place())
        return
    version = part.environment.versions.get("trl", "?")
    translated = RECIPE_WORDS if part.path else frozenset()
    wrong = [key for key in part.table if key not in part.known | translated]
    for key in wrong:
        place = part.place(str(key))
        if key in _GONE:
            yield _GONE[key].at(place, version=version)
        elif key in RENAMED:
            yield TRL_KEY_RENAMED.at(place, key=key, version=version, now=RENAMED[key])
        else:
            close = nearest(str(key), part.known)
            yield TRL_KEY_UNKNOWN.at(place, key=key, version=version, nearest=close)
    old = [str(key) for key in wrong if key in OLD_KEYS]
    if old:
        values = {"path": part.document.path, "keys": ", ".join(old)}
        yield TRL_KEYS_TRANSLATED.at(part.place(), **values)
    if not wrong:
        yield TRL_KEYS_KNOWN.at(part.place(), count=len(part.table), version=version)
