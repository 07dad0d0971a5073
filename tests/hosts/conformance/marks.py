"""Prints the files by which a line is recognised, for `files` in its file under hosts/lines.

Covers: the modules that points of the package touch or are called from, its scripts, and a few
more by which neighbouring lines differ.
Does not cover: writing them into the line's file.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mindspeed_rl_ext.hosts.catalog import load_adapters
from mindspeed_rl_ext.hosts.identity import file_mark
from mindspeed_rl_ext.hosts.source import source_file

# By package: what lines differ by, beside what points touch.
MORE = {
    "mindspeed_llm": """
        mindspeed_llm/__init__.py mindspeed_llm/features_manager/__init__.py
        mindspeed_llm/tasks/preprocess/templates.py mindspeed_llm/training/initialize.py
        mindspeed_llm/training/training.py mindspeed_llm/training/utils.py
        mindspeed_llm/training/checkpointing.py mindspeed_llm/tasks/checkpoint/models.py
        mindspeed_llm/tasks/checkpoint/convert_hf2mg.py
        preprocess_data.py preprocess_prompt.py convert_ckpt.py convert_ckpt_v2.py rlhf_gpt.py
    """,
    "mindspeed_rl": """
        mindspeed_rl/__init__.py mindspeed_rl/config_cls/rl_config.py
        mindspeed_rl/config_cls/megatron_config.py mindspeed_rl/datasets/templates.py
        mindspeed_rl/trainer/utils/compute_utils.py mindspeed_rl/utils/utils.py
        mindspeed_rl/utils/compute.py mindspeed_rl/workers/base_worker.py
        cli/train_grpo.py cli/preprocess_data.py
    """,
    "verl": """
        verl/__init__.py verl/protocol.py verl/trainer/ppo/core_algos.py
        verl/trainer/ppo/ray_trainer.py verl/version/version
    """,
}


def files_of(package: str, root: Path) -> list[str]:
    """The files of a checkout that are looked at, as far as they are there."""
    points = [p for one in load_adapters() if one.package == package for p in one.points]
    modules = {p.module for p in points} | {c.module for p in points for c in p.callers if c.module}
    found = [source_file(module, [str(root / package)]) for module in sorted(modules)]
    named = [Path(path).relative_to(root).as_posix() for path in found if path]
    return [f for f in dict.fromkeys([*named, *MORE[package].split()]) if (root / f).is_file()]


def marks_of(package: str, root: Path) -> dict[str, str]:
    """The files with their marks."""
    found = {file: file_mark(str(root / file)) for file in files_of(package, root)}
    return {file: mark for file, mark in found.items() if mark is not None}


def main(words: list[str]) -> None:
    """Prints the table of each checkout: PACKAGE DIR."""
    package, root = words[0], Path(words[1]).resolve()
    sys.stdout.write("    files={\n")
    for file, mark in marks_of(package, root).items():
        sys.stdout.write(f'        "{file}": "{mark}",\n')
    sys.stdout.write("    },\n")


if __name__ == "__main__":
    main(sys.argv[1:])
