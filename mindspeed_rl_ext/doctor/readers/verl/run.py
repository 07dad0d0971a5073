"""A run of verl: its overrides over verl's defaults, each with its place.

Covers: every command of a shell script that starts a trainer, a file with one override per line,
overrides on the command line, a YAML; the version and the keys of the verl that is installed.
Does not cover: what hydra composes; values that only a shell or a branch decides are open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.shipped import resolve_config
from mindspeed_rl_ext.core.files.yaml_file import Document, parse_yaml, read_yaml
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.rules import Place
from mindspeed_rl_ext.doctor.readers.environment import Environment, numbers
from mindspeed_rl_ext.doctor.readers.mindspeed.schema import is_number
from mindspeed_rl_ext.doctor.readers.verl.known import DEFAULTS
from mindspeed_rl_ext.doctor.readers.verl.shell import Command, Word, read_commands

TRAINER = r"\b(main_ppo\w*|main_dapo|fully_async_main|one_step_off_ppo)\b"
NEWEST = (0, 9)
SHIPPED = "verl"  # the folder under configs/
ENGINE = "model_engine"
# Where a configuration gives Ray's processes their variables.
_VARIABLES = "ray_kwargs.ray_init.runtime_env.env_vars."
_OVERRIDE = re.compile(r"(\+{0,2}|~)([A-Za-z_@][\w.@/-]*)=(.*)", re.S)
_NPU = re.compile(r"torch_npu|ASCEND_RT|HCCL_|set_env\.sh|\bnpu\b", re.I)


# A configuration has keys of one of these at least.
_TABLES = frozenset({"actor_rollout_ref", "algorithm", "critic", "data", "reward", "trainer"})


@dataclass(frozen=True)
class Setting:
    """One override.

    Args:
        key: dotted.
        value: as YAML reads it; None where it is open or null.
        is_open: whether a shell or a branch decides it.
        prefix: `+`, `++`, `~` or nothing.
        place: where it is.
    """

    key: str
    value: Any
    is_open: bool
    prefix: str
    place: Place


@dataclass(frozen=True)
class VerlRun:
    """One start of a trainer.

    Args:
        source: the file.
        settings: the overrides, the last of a key wins.
        all_settings: every override, those that another one replaces too.
        entry: the module that is started.
        config_name: --config-name; "" where it is not given.
        exported: variables that the script exports, or gives Ray's processes.
        version: the first two numbers of verl's version.
        npu: whether it is for Ascend NPUs and nothing else.
        composed: keys of the installed verl's configuration; empty where it is not installed.
        config: config.json of the model that a user names; empty without one.
        is_yaml: whether it came from a YAML, where keys need no `+`.
        complete: whether no override may hide in a variable that a branch sets.
    """

    label: ClassVar[Text] = Text("verl script or overrides", "verl 脚本或覆盖项")

    source: str
    settings: Mapping[str, Setting]
    all_settings: tuple[Setting, ...]
    entry: str
    config_name: str
    exported: frozenset[str]
    version: tuple[int, ...]
    npu: bool
    composed: frozenset[str]
    config: Mapping[str, Any]
    is_yaml: bool = False
    complete: bool = True

    def has(self, key: str) -> bool:
        """Whether an override gives the key."""
        return key in self.settings

    def is_open(self, key: str) -> bool:
        """Whether the key is given, by a value that only a shell or a branch decides."""
        return key in self.settings and self.settings[key].is_open

    def get(self, key: str) -> Any:
        """The value; verl's default where it is surely not given, None where it is open."""
        setting = self.settings.get(key)
        if setting is None:
            return DEFAULTS.get(key) if self.complete else None
        return setting.value

    def number(self, key: str) -> Any:
        """The value if it is a number, else None."""
        value = self.get(key)
        return value if is_number(value) else None

    def flag(self, key: str) -> bool | None:
        """The value if it is true or false, else None."""
        value = self.get(key)
        return value if isinstance(value, bool) else None

    def text(self, key: str) -> str:
        """The value if it is text, else ""."""
        value = self.get(key)
        return value if isinstance(value, str) else ""

    def place(self, key: str) -> Place:
        """Where the key is given; the file where it is not."""
        setting = self.settings.get(key)
        return setting.place if setting is not None else Place(self.source, key)

    @property
    def is_megatron(self) -> bool | None:
        """Whether Megatron trains; None where that is open."""
        if self.is_open(ENGINE) or self.is_open("actor_rollout_ref.actor.strategy"):
            return None
        named = "megatron" in self.config_name or self.get(ENGINE) == "megatron"
        return named or self.get("actor_rollout_ref.actor.strategy") == "megatron"

    @property
    def is_other_engine(self) -> bool:
        """Whether neither FSDP nor Megatron trains, or that is open."""
        engine, name = self.settings.get(ENGINE), self.config_name
        known = ("", "ppo_trainer", "ppo_megatron_trainer", "ppo_trainer.yaml")
        other = engine is not None and engine.value not in ("dp", "megatron")
        return other or name not in known or self.is_megatron is None


def load_verl(
    given: str, environment: Environment, version: str | None, config: Mapping[str, Any]
) -> list[VerlRun]:
    """Reads the runs of a script, a file of overrides, a YAML, or overrides themselves.

    Args:
        given: a path, the name of a shipped configuration, or overrides.
        environment: says which verl is installed.
        version: verl's, such as 0.9; that of the installed one, or the newest, where None.
        config: config.json of the model; empty without one.

    Raises:
        InputError: no such file, or nothing in it that starts a trainer.
    """
    installed = environment.versions.get("verl", "")
    spelled = numbers(version or installed)[:2] or NEWEST
    common = {"version": spelled, "config": config, "composed": composed_keys(installed)}
    if "=" in given and not Path(given).is_file():
        return [_of_overrides(given, "--verl", **common)]
    path = Path(given)
    if not path.is_file():
        if path.suffix or len(path.parts) > 1:
            raise InputError(f"no file {given}", expected="a script, overrides, or a YAML")
        path = resolve_config(given, SHIPPED)
    if path.suffix in (".yaml", ".yml"):
        return [_of_yaml(read_yaml(path), **common)]
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8", found=str(error)) from error
    commands = [c for c in read_commands(text, TRAINER) if any(map(_override, c.words))]
    if commands:
        npu = _is_npu(path, text)
        return [_run(path, command, npu, **common) for command in commands]
    if path.suffix == ".sh":
        raise InputError(
            f"{path} starts no trainer of verl",
            found="no command with main_ppo and overrides",
            expected="python3 -m verl.trainer.main_ppo key=value ...",
        )
    return [_of_overrides(text, str(path), **common)]


def composed_keys(installed: str) -> frozenset[str]:
    """The keys of the installed verl's configuration; empty where it is not installed."""
    import importlib.util

    spec = importlib.util.find_spec("verl") if installed else None
    keys: set[str] = set()
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in Path(folder, "trainer", "config").glob("_generated_ppo_*trainer.yaml"):
            keys.update(key for key, _ in _flat(read_yaml(path).value, ""))
    return frozenset(keys)


def _flat(table: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        yield f"{above}{key}", value
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")


def _is_npu(path: Path, text: str) -> bool:
    """Whether a script is for NPUs alone: it names them, and CUDA's devices nowhere."""
    spelled = "\n".join(row for row in text.splitlines() if not row.lstrip().startswith("#"))
    both = re.search(r"\bgpu\b.*\|.*\bnpu\b|DEVICE", spelled)
    return not both and bool(_NPU.search(path.name) or _NPU.search(spelled))


def _run(path: Path, command: Command, npu: bool, **common: Any) -> VerlRun:
    entry, name = "", ""
    settings = []
    for number, word in enumerate(command.words):
        found = re.search(TRAINER, word.raw)
        if found and not entry and "=" not in word.raw:
            entry = found.group(1)
        if word.raw.startswith("--config-name"):
            following = command.words[number + 1].text if number + 1 < len(command.words) else ""
            spelled = word.text or ""
            name = (spelled.partition("=")[2] if "=" in spelled else following) or "?"
        setting = _setting(word, str(path)) if entry else None
        if setting is not None:
            settings.append(setting)
    run = _built(str(path), settings, entry, name, command.exported, npu, **common)
    return replace(run, complete=command.complete)


def _of_overrides(text: str, source: str, **common: Any) -> VerlRun:
    settings = []
    rows = text.splitlines() if source != "--verl" else text.split()
    for number, row in enumerate(rows, start=1):
        spelled = row.strip().rstrip("\\").strip().strip("'\"")
        if spelled and not spelled.startswith("#"):
            setting = _setting(Word(spelled, number, False, spelled), source)
            if setting is None:
                raise InputError(
                    f"{source}:{number} is no override", found=spelled, expected="key=value"
                )
            settings.append(setting)
    return _built(source, settings, "main_ppo", "", frozenset(), False, **common)


def _of_yaml(document: Document, **common: Any) -> VerlRun:
    base, engine = _defaults(document)
    settings = [
        Setting(key, value, isinstance(value, str) and "${" in value, "",
                document.place(*key.split(".")))
        for key, value in (*engine.items(), *_flat(document.value, ""))
        if not isinstance(value, Mapping) and key != "defaults"
    ]  # fmt: skip
    if not any(setting.key.lstrip("+~").split(".")[0] in _TABLES for setting in settings):
        raise InputError(
            f"{document.path} is no configuration of verl",
            found=f"keys {', '.join(map(str, list(document.value)[:8])) or 'none'}",
            expected=f"keys of {', '.join(sorted(_TABLES))}",
        )
    given = _built(str(document.path), settings, "main_ppo", base, frozenset(), False, **common)
    return replace(given, is_yaml=True)


def _defaults(document: Document) -> tuple[str, dict[str, Any]]:
    """The configuration that a YAML builds on, and the model engine that it chooses there."""
    listed = document.value.get("defaults")
    entries = listed if isinstance(listed, list) else []
    names = [name for name in entries if isinstance(name, str) and "trainer" in name]
    tables = [entry for entry in entries if isinstance(entry, Mapping)]
    engines = [str(v) for one in tables for k, v in one.items() if str(k).split()[-1] == ENGINE]
    return names[-1] if names else "", {ENGINE: engines[-1]} if engines else {}


def _built(
    source: str,
    settings: list[Setting],
    entry: str,
    name: str,
    exported: frozenset[str],
    npu: bool,
    **common: Any,
) -> VerlRun:
    last: dict[str, Setting] = {}
    for one in settings:
        before = last.get(one.key)
        # A branch may replace what stands before it: then nothing is known.
        decided = not one.is_open or before is None
        last[one.key] = one if decided else Setting(one.key, None, True, one.prefix, one.place)
    npu = npu or last.get("trainer.device", Setting("", "", False, "", Place(""))).value == "npu"
    chosen = {key: one for key, one in last.items() if one.prefix != "~"}
    of_ray = (key[len(_VARIABLES) :] for key in chosen if key.startswith(_VARIABLES))
    exported |= frozenset(of_ray)
    return VerlRun(
        source, chosen, tuple(settings), entry, name.removesuffix(".yaml"), exported,
        common["version"], npu, common["composed"], common["config"],
    )  # fmt: skip


def _override(word: Word) -> bool:
    return bool(_OVERRIDE.fullmatch(word.raw.strip("'\"")))


def _setting(word: Word, source: str) -> Setting | None:
    """The override that a word is; None for another word."""
    raw = word.raw[1:] if word.raw[:1] in "'\"" else word.raw
    match = _OVERRIDE.fullmatch(word.text) if word.text is not None else None
    spelled = match or _OVERRIDE.match(raw)
    if spelled is None or spelled.group(2).startswith("-"):
        return None
    prefix, key = spelled.group(1), spelled.group(2)
    is_open = match is None or word.conditional
    value = None if is_open else _value(spelled.group(3))
    open_text = isinstance(value, str) and "${" in value
    place = Place(source, key, word.line)
    return Setting(key, None if open_text else value, is_open or open_text, prefix, place)


def _value(text: str) -> Any:
    """A value of hydra's grammar, as far as YAML reads it alike; else its text."""
    words = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    try:
        return parse_yaml(text, Path("value")).value
    except InputError:
        return text
