"""A translation as a shell script or as a YAML, with a comment at every key.

Covers: quoting for hydra and the shell, the prefixes that hydra wants, the head with the commands.
Does not cover: what the keys are.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.language import Language, Text
from mindspeed_rl_ext.recipes.hydra_text import hydra_text
from mindspeed_rl_ext.recipes.migration.rows import REWARD_KWARGS, TRANSFORMER, VARIABLES
from mindspeed_rl_ext.recipes.migration.translate import Override, Translation

MODULE, BASE = "verl.trainer.main_ppo", "ppo_megatron_trainer"
# What is not in verl's configuration is added with `+`; `++` also where it may be there.
_PREFIXES = {f"{REWARD_KWARGS}.": "+", f"{VARIABLES}.": "+", f"{TRANSFORMER}.": "++"}
_HEAD = Text(
    "{source} in the words of verl {version}, by msrl-ext migrate; not run by us on an NPU.",
    "由 msrl-ext migrate 从 {source} 生成，适用于 verl {version}；我们没有在 NPU 上运行过。",
)
_DATA = Text(
    "Data:  msrl-ext preprocess --config DATA.yaml --format verl --split 0.02, with the "
    "output_prefix of before: packed files hold ids, verl wants chats",
    "数据:  msrl-ext preprocess --config DATA.yaml --format verl --split 0.02，output_prefix 不变："
    "打包文件存的是 id，verl 要的是对话",
)
_CHECK = Text("Check: msrl-ext doctor --verl THIS_FILE", "检查:  msrl-ext doctor --verl 本文件")
_START = Text(
    "Start: python -m verl.trainer.main_ppo --config-path DIR_OF_THIS_FILE --config-name {stem}",
    "启动:  python -m verl.trainer.main_ppo --config-path 本文件所在目录 --config-name {stem}",
)
_WITHOUT = Text("Keys without a counterpart, and why:", "没有对应的键及原因：")
_NOTES = Text("What changes beside the names:", "除名字以外的变化：")


def as_script(found: Translation, source: Path, version: str, language: Language) -> str:
    """The translation as a shell script."""
    rows = ["#!/usr/bin/env bash", *_head(found, source, version, language)]
    rows += ["set -euo pipefail", "", "OVERRIDES=("]
    before = ""
    for one in found.overrides:
        word = f"{prefix_of(one.key)}{one.key}={hydra_text(one.value)}"
        comment = _comment(one, language)
        # Keys that one row makes share its comment.
        rows += [] if comment == before else [f"    # {comment}"]
        rows.append(f"    {shlex.quote(word)}")
        before = comment
    rows += [")", "", f"exec python3 -m {MODULE} --config-name={BASE} \\"]
    rows.append('    "${OVERRIDES[@]}" "$@"')
    return "\n".join(rows) + "\n"


def as_yaml(found: Translation, source: Path, version: str, language: Language, stem: str) -> str:
    """The translation as a configuration that hydra composes with verl's own.

    Args:
        found: the translation.
        source: where it comes from.
        version: of verl.
        language: of the comments.
        stem: the name of the file that it goes to, without its suffix.
    """
    rows = _head(found, source, version, language)
    rows[-1:] = [f"# {_START.in_language(language).format(stem=stem)}", ""]
    rows += ["hydra:", "  searchpath: [pkg://verl.trainer.config]"]
    rows += ["defaults:", f"  - {BASE}", "  - _self_", ""]
    table: dict[str, Any] = {}
    for one in found.overrides:
        here = table
        *outer, last = one.key.split(".")
        for part in outer:
            here = here.setdefault(part, {})
        here[last] = one
    rows += _nested(table, "", language)
    return "\n".join(rows) + "\n"


def _head(found: Translation, source: Path, version: str, language: Language) -> list[str]:
    head = _HEAD.in_language(language).format(source=source.name, version=version)
    rows = [f"# {head}", "#", f"# {_DATA.in_language(language)}"]
    rows.append(f"# {_CHECK.in_language(language)}")
    if found.notes:
        rows += ["#", f"# {_NOTES.in_language(language)}"]
        rows += [f"#   {note.in_language(language)}" for note in found.notes]
    if found.untranslated:
        rows += ["#", f"# {_WITHOUT.in_language(language)}"]
        rows += [f"#   {line}" for line in without(found, language)]
    return [*rows, ""]


def without(found: Translation, language: Language) -> list[str]:
    """The keys without a counterpart, those of one reason together."""
    by_text: dict[Text, list[str]] = {}
    for one in found.untranslated:
        by_text.setdefault(one.text, []).append(one.key)
    return [f"{', '.join(keys)}: {text.in_language(language)}" for text, keys in by_text.items()]


def _comment(one: Override, language: Language) -> str:
    origin = f"{', '.join(one.origin)}: " if one.origin else ""
    return origin + one.text.in_language(language)


def prefix_of(key: str) -> str:
    """What hydra wants before a key of verl in an override: nothing, `+` or `++`."""
    return next((mark for above, mark in _PREFIXES.items() if key.startswith(above)), "")


def _nested(table: dict[str, Any], indent: str, language: Language) -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, Override):
            yield f"{indent}{key}: {_yaml(value.value)} # {_comment(value, language)}"
        else:
            yield f"{indent}{key}:"
            yield from _nested(value, f"{indent}  ", language)


def _yaml(value: Any) -> str:
    """A value in one line of YAML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    # 1e-06 would be a text to YAML 1.1.
    return repr(value).replace("e-", ".0e-") if _is_short_float(value) else hydra_text(value)


def _is_short_float(value: Any) -> bool:
    return isinstance(value, float) and "e-" in repr(value) and "." not in repr(value)
