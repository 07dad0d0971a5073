"""How each documented command is run here: whole, as a plan that starts nothing, or not at all.

| kind | what a test does |
|---|---|
| run | runs it, in a folder that has the files it names |
| print | runs the form that starts nothing: `--print`, a reading of its flags, `--engine local` |
| named | a mention in a sentence: the command and its flags are there |
| marked | nothing: its page says why, in a mark (`pages`) |

A command without a plan fails the test. What is too long for every run (a training, a Ray cluster)
is printed there and run whole where MSRL_EXT_SLOW=1.

Covers: one function per program of the documentation; placeholders.
Does not cover: what the command's files hold (`tests/docs/world.py`).
"""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.cli._dispatch import command_names, load_command
from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe, recipe_names

from .commands import Command

RUN, PRINT, NAMED, MARKED = "run", "print", "named", "marked"
OURS = "msrl-ext"
# What stands for the reader's own; other placeholders are files of the test's folder.
PLACEHOLDERS = {
    "名字": "NAME", "源": "SRC", "目标": "DST", "目录": "DIR", "输入": "IN", "输出": "OUT",
    "脚本": "SCRIPT", "参数": "ARGS", "行": "ROW", "目录/阶段": "DIR/STAGE",
    "目录/节点": "DIR/NODE",
}  # fmt: skip
NAME_OF = {"recipe": "gsm8k_grpo", "score": "simplerl"}
# The rest of a command that a page cuts short with "...": one that has these flags already.
REST = {
    "preprocess": ("--input", "gsm8k/train.jsonl", "--tokenizer-name-or-path", "Qwen2.5-7B",
                   "--output-prefix", "packed/data"),
}  # fmt: skip

# Flags of which one must stand in a command that is to run.
STARTS = {
    "convert": {"--load-dir"},
    "preprocess": {"--config", "--input"},
    "score": {"--input", "--list", "--check-references"},
}


@dataclass(frozen=True)
class Plan:
    """How a command is run here.

    Args:
        kind: run, print, named or marked.
        words: run in place of the command's; `msrl-ext` in this process. Empty: nothing is run.
        note: how it differs from the page, or why nothing is run.
        whole: run in place of `words` where MSRL_EXT_SLOW=1.
    """

    kind: str
    words: tuple[str, ...] = ()
    note: str = ""
    whole: tuple[str, ...] = ()


def plan_of(
    command: Command, marks: Mapping[str, str], root: Path, *, whole: bool = False
) -> Plan | None:
    """How a command is run here; None where nothing says how.

    Args:
        command: of a page.
        marks: of that page.
        root: of the repository, whose files it may name.
        whole: run as it stands, for a page that says so.
    """
    if whole and command.words[0] == OURS and not command.inline:
        return Plan(RUN, command.words)
    for beginning, reason in marks.items():
        if command.text.startswith(beginning):
            return Plan(MARKED, note=reason)
    words = [_replaced(word) for word in command.words]
    if not words:
        return Plan(RUN, note="sets a variable") if command.variables else None
    program = PROGRAMS.get(words[0])
    return program(words, command, root) if program else None


def _replaced(word: str) -> str:
    word = PLACEHOLDERS.get(word, word)
    return re.sub(r"^(--[\w-]+=)?/(shared|path/to)\b/?", _relative, word)


def _relative(found: re.Match[str]) -> str:
    return (found[1] or "") + ("shared/" if found[2] == "shared" else "")


def _ours(words: list[str], command: Command, root: Path) -> Plan | None:
    name = words[1] if len(words) > 1 else ""
    if command.inline and _is_mention(name, words):
        return Plan(NAMED, tuple(words))
    if command.inline and name in ("preprocess", "evaluate"):
        words.append("--overwrite")  # what a command before it has written
    words = [NAME_OF.get(name, word) if word == "NAME" else word for word in words]
    if "..." in words:
        if name not in REST:
            return None
        words = [*(word for word in words if word != "..."), *REST[name]]
    if "vllm" in words:
        return Plan(MARKED, note="needs vLLM and weights")
    if "--compare" in words and "host" in words[words.index("--compare") + 1].split(","):
        return Plan(MARKED, note="needs a host")
    if name == "train":
        return _train(words)
    if name == "evaluate" and "hf" in words and "--max-tokens" not in words:
        return Plan(RUN, (*words, "--max-tokens", "4"), "four tokens each")
    if name == "quickstart":
        return _quickstart(words)
    if "--ray" in words:
        return _without_ray(words)
    if "--engine" in words and words[words.index("--engine") + 1] == "ray":
        at = words.index("--engine")
        return Plan(PRINT, (*words[:at], *words[at + 2 :]), "without Ray", tuple(words))
    return Plan(PRINT if "--dry-run" in words else RUN, tuple(words))


def _is_mention(name: str, words: Sequence[str]) -> bool:
    """The command alone, or cut short: by `...`, or behind a flag that takes a value."""
    if len(words) == 2 or "..." in words:
        return True
    if name in STARTS and not STARTS[name] & set(words):
        return True
    flags = flags_of(name)
    return words[-1] in flags and flags[words[-1]]


def flags_of(name: str) -> dict[str, bool]:
    """The flags of one of our commands, and whether each takes a value; none of an unknown one."""
    if name not in command_names():
        return {}
    parser = argparse.ArgumentParser(allow_abbrev=False)
    load_command(name).add_arguments(parser)
    actions = (action for action in parser._actions if action.option_strings)
    return {flag: action.nargs != 0 for action in actions for flag in action.option_strings}


def _train(words: list[str]) -> Plan:
    if "--print" in words:
        return Plan(PRINT, tuple(words))
    shown = (*words, "--print")
    elsewhere = "--engine" in words or "real" in words
    whole = () if elsewhere else (*words, *_few_steps(words))
    return Plan(PRINT, shown, "needs weights or a cluster" if elsewhere else "trains", whole)


def _few_steps(words: list[str]) -> Iterator[str]:
    """Two steps of each stage that is trained, where the command does not say how many."""
    config = words[words.index("--config") + 1]
    stages = load_recipe(config if config in recipe_names() else "gsm8k_grpo", "cpu").stages
    if "expert_iteration" in stages:
        return  # it keeps what is right, and needs a policy that is
    for stage in stages:
        key = f"{stage}.trl.max_steps"
        if stage in ("sft", "grpo") and key not in " ".join(words):
            yield from ("--set", f"{key}=2")


def _quickstart(words: list[str]) -> Plan:
    if "--input" in words:
        return Plan(RUN, tuple(words))
    few = ("--sft-steps", "2", "--grpo-steps", "2")
    return Plan(NAMED, tuple(words), "whole in the tests of quickstart", (*words, *few))


def _without_ray(words: list[str]) -> Plan:
    at = words.index("--ray")
    address = len(words) > at + 1 and not words[at + 1].startswith("--")
    rest = words[at + 1 + address :]
    return Plan(PRINT, (*words[:at], *rest), "without Ray", (*words[:at], "--ray", "local", *rest))


def _python(words: list[str], command: Command, root: Path) -> Plan | None:
    script, rest = words[1], words[2:]
    if script in ("-S", "SCRIPT"):
        return _mention(words[:2], command, root)
    if words[1:3] == ["-m", "verl.trainer.main_ppo"]:
        overrides = [word for word in words[3:] if word != "..."]
        if command.inline and not overrides:
            return Plan(NAMED, note="verl's trainer")
        script = shlex.join([*words[:3], *overrides])
        return Plan(PRINT, (OURS, "doctor", "--verl", script), "read by doctor --verl")
    if script == "preprocess_data.py":
        return _ours([OURS, "preprocess", *rest], command, root)
    if script == "cli/preprocess_data.py":
        return Plan(RUN, (OURS, "preprocess", "--config", rest[0]), "by msrl-ext preprocess")
    if script == "convert_ckpt.py":
        return Plan(RUN, (OURS, "convert", *rest), "by msrl-ext convert")
    if script == "scripts/docs.py":
        return Plan(RUN, note="by tests/docs/test_tables.py and test_commands.py")
    if (root / script).is_file():
        return Plan(NAMED, note="the script is there")
    return None


def _pip(words: list[str], command: Command, root: Path) -> Plan | None:
    if len(words) == 2 or words[1] == "list":
        return Plan(NAMED, note="pip")
    if words[1] != "install":
        return None
    known = extras_of(root)
    for word in words[2:]:
        if word.startswith("mindspeed-rl-ext") and (word[-1] != "]" or not command.inline):
            return None  # no index has it: `pip install .`; an extra of the installed one is found
        found = re.fullmatch(r"(mindspeed-rl-ext|\.)\[(?P<extras>[\w,]+)\]", word)
        if found and not set(found["extras"].split(",")) <= known:
            return None
    return Plan(PRINT, note="its extras are declared")


def extras_of(root: Path) -> set[str]:
    """The extras that pyproject.toml declares."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    section = text.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    return set(re.findall(r"^([\w-]+) = \[", section, re.MULTILINE))


def _bash(words: list[str], command: Command, root: Path) -> Plan | None:
    if words[1] == "scripts/quickstart.sh":
        return _quickstart([OURS, "quickstart", *words[2:]])
    if (root / words[1]).is_file() and "PRINT:-" in (root / words[1]).read_text(encoding="utf-8"):
        return Plan(PRINT, ("env", "PRINT=1", *words), "with PRINT=1")
    return None


def _accelerate(words: list[str], command: Command, root: Path) -> Plan | None:
    config = words[words.index("--config_file") + 1]
    if not (root / config).is_file():
        return None
    if "mindspeed_rl_ext.cli" not in words:
        return Plan(PRINT, note="its configuration is there")
    train = words[words.index("mindspeed_rl_ext.cli") + 1 :]
    return Plan(PRINT, (OURS, *train, "--print"), "its training, printed")


def _mention(words: list[str], command: Command, root: Path) -> Plan | None:
    return Plan(NAMED, note="a program of others") if command.inline and len(words) == 2 else None


def _writes(words: list[str], command: Command, root: Path) -> Plan | None:
    return Plan(RUN, tuple(words), "writes a file") if command.body else None


def _downloads(words: list[str], command: Command, root: Path) -> Plan:
    return Plan(MARKED, note="downloads")


def _export(words: list[str], command: Command, root: Path) -> Plan:
    return Plan(RUN, tuple(words), "sets a variable")


PROGRAMS: dict[str, Callable[[list[str], Command, Path], Plan | None]] = {
    OURS: _ours,
    "python": _python,
    "pip": _pip,
    "bash": _bash,
    "accelerate": _accelerate,
    "export": _export,
    "ray": _mention,
    "cat": _writes,
    "hf": _downloads,
    "modelscope": _downloads,
    "mkdocs": _mention,
}
