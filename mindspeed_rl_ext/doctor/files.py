"""Which file is of which kind, and the rules of each kind.

Covers: configurations of both hosts, dataset YAMLs, TRL files and recipes, accelerate files;
files that are named together are compared. Does not cover: files that are no YAML.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.shipped import shipped_folder
from mindspeed_rl_ext.doctor import (
    accelerate_rules,
    checkpoint,
    datasets,
    launch,
    model_rules,
    recipe_rules,
    resources,
    rewards,
    rl_batch,
    rl_lengths,
    rl_modes,
    rl_resume,
    rlxf_rules,
    runtime_env,
    trl_rules,
)
from mindspeed_rl_ext.doctor.data_hints import hint
from mindspeed_rl_ext.doctor.document import Document
from mindspeed_rl_ext.doctor.finding import Finding
from mindspeed_rl_ext.doctor.installed_keys import keys_of_the_installed_host
from mindspeed_rl_ext.doctor.layers import Layers
from mindspeed_rl_ext.doctor.run_rl import RlRun, load_rl
from mindspeed_rl_ext.doctor.run_rlxf import RlxfRun, load_rlxf
from mindspeed_rl_ext.doctor.surroundings import Surroundings
from mindspeed_rl_ext.doctor.verifier_table import LLM_VERIFIERS, RL_VERIFIERS

RL_RULES = (
    rl_batch.sizes,
    rl_batch.batches,
    rl_batch.heads_and_layers,
    rl_modes.precision,
    rl_modes.integrated_worker,
    rl_modes.padding,
    rl_modes.turns_and_order,
    rl_modes.dapo,
    rl_modes.sampling,
    rl_lengths.window,
    rl_lengths.logged,
    rl_resume.five_keys,
    resources.cards,
)
# What also a run without rollouts (DPO) has.
RL_COMMON = (rl_batch.heads_and_layers, resources.experts)
ROLE_RULES = (rl_resume.load_and_save, rl_resume.paths, resources.disk, model_rules.against_name)
CONFIG_FOLDERS = ("msrl", "rlxf", "datasets", "trl", "recipes", "accelerate")
KINDS = "MindSpeed-RL, rlxf of MindSpeed-LLM, dataset, TRL or recipe, accelerate"


@dataclass(frozen=True)
class Asked:
    """What a user named, every part of it optional.

    Args:
        configs: YAML files of any kind, or names of shipped ones.
        model: a HuggingFace directory.
        checkpoint: a converted checkpoint.
        launch: a launch script.
        runtime_env: a runtime_env.yaml.
        trl: a TRL file or recipe.
        accelerate: an accelerate file.
    """

    configs: Sequence[str] = ()
    model: Path | None = None
    checkpoint: Path | None = None
    launch: Path | None = None
    runtime_env: Path | None = None
    trl: Path | None = None
    accelerate: Path | None = None


@dataclass(frozen=True)
class Opened:
    """The files of a question, read and sorted by kind."""

    rl: list[RlRun]
    rlxf: list[RlxfRun]
    datasets: list[Document]
    trl: list[Document]
    accelerate: list[Document]

    @property
    def roles(self) -> dict[str, Layers]:
        """The roles of the first training configuration, the actor first."""
        if self.rl:
            return {"actor_config": self.rl[0].actor}
        return dict(self.rlxf[0].roles) if self.rlxf else {}

    @property
    def readers(self) -> list[Layers]:
        """What has the data_path of each training configuration."""
        return [*(run.actor for run in self.rl), *(old.actor for old in self.rlxf)]

    @property
    def npus(self) -> int | None:
        """Cards that the first MindSpeed-RL configuration asks for."""
        return self.rl[0].npus() if self.rl else None

    @property
    def max_prompt_length(self) -> int | None:
        """The longest prompt that the first training configuration takes."""
        parts = [*(run.rl for run in self.rl), *(old.actor for old in self.rlxf)]
        return parts[0].number("max_prompt_length") if parts else None


def open_all(asked: Asked) -> Opened:
    """Reads the YAML files.

    Raises:
        InputError: a file that is missing, broken, or of no known kind.
    """
    opened = Opened([], [], [], [], [])
    for name in asked.configs:
        for path in located(name):
            _sort(_read(path), opened)
    if asked.trl is not None:
        opened.trl.append(_read(asked.trl))
    if asked.accelerate is not None:
        opened.accelerate.append(_read(asked.accelerate))
    return opened


def located(name: str) -> list[Path]:
    """The files that a name means: itself, or every shipped file of that name.

    Raises:
        InputError: there is none.
    """
    path = Path(name)
    if path.is_file():
        return [path]
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 2:
        raise _no_file(path)
    root = shipped_folder("configs")
    # `recipes/r1_zero` means one file; a bare name each that bears it, none of them shadowed.
    wanted = [root / f"{name}.yaml"]
    if len(path.parts) == 1:
        wanted = [root / folder / f"{name}.yaml" for folder in CONFIG_FOLDERS]
    found = [candidate for candidate in wanted if candidate.is_file()]
    if not found:
        raise _no_file(path)
    return found


def _no_file(path: Path) -> InputError:
    beside = [p.name for p in path.parent.glob("*.yaml")] if path.suffix else []
    ours = {p.stem for f in CONFIG_FOLDERS for p in (shipped_folder("configs") / f).glob("*.yaml")}
    return InputError(
        f"no configuration {path}",
        found="neither a file nor the name of a shipped one",
        remedy=nearest(path.name, beside) if beside else nearest(path.stem, ours),
    )


def _sort(document: Document, opened: Opened) -> None:
    parts = document.value
    if "megatron_training" in parts or "rl_config" in parts:
        opened.rl.append(load_rl(document))
    elif "actor_rollout_ref" in parts:
        opened.rlxf.append(load_rlxf(document))
    elif trl_rules.is_trl(document):
        opened.trl.append(document)
    elif accelerate_rules.is_accelerate(document):
        opened.accelerate.append(document)
    elif datasets.is_dataset(document):
        datasets.check_keys(document)
        opened.datasets.append(document)
    else:
        raise InputError(
            f"{document.path} is of no kind that doctor knows",
            found=f"the keys {', '.join(map(str, parts)) or 'none'}",
            expected=KINDS,
            remedy="--runtime-env, --launch name other files",
        )


def examine_files(asked: Asked, opened: Opened, found: Surroundings) -> Iterator[Finding]:
    """All rules on what a user named."""
    for run in opened.rl:
        yield from _rl(run, opened, asked.model)
        yield from keys_of_the_installed_host(run, found)
    for old in opened.rlxf:
        yield from _rlxf(old, opened, asked.model)
    for document in opened.datasets:
        yield from datasets.rules(document)
        yield from datasets.apart(document, opened.readers)
    accelerate = opened.accelerate[0] if opened.accelerate else None
    for document in opened.trl:
        yield from trl_rules.rules(document, found, accelerate, asked.model)
        yield from recipe_rules.rules(document, asked.model)
    for document in opened.accelerate:
        yield from accelerate_rules.rules(document)
    yield from _around(asked, opened)


def _rl(run: RlRun, opened: Opened, model: Path | None) -> Iterator[Finding]:
    for common in RL_COMMON if not run.is_rollout else (resources.experts,):
        yield from common(run)
    roles = {"actor": run.actor}
    if run.document.table("critic_config"):
        roles["critic"] = run.role("critic_config")
    for role in roles.values():
        for rule in ROLE_RULES:
            yield from rule(role)
    if not run.is_rollout:
        return
    for check in RL_RULES:
        yield from check(run)
    shared = {"max_prompt_length": run.rl}
    for document in opened.datasets:
        yield from datasets.pairs(document, run.actor.get("data_path"), shared)
    if run.rl.get("rule_reward"):
        data = hint(str(run.actor.get("data_path") or ""), opened.datasets)
        pictures = bool(run.rl.get("is_multimodal"))
        scoring = rewards.Scoring(run.rl, run.actor, RL_VERIFIERS, data, pictures, model)
        for of_rewards in rewards.RULES:
            yield from of_rewards(scoring)


def _rlxf(run: RlxfRun, opened: Opened, model: Path | None) -> Iterator[Finding]:
    for check in rlxf_rules.RULES:
        yield from check(run)
    for rule in ROLE_RULES:
        yield from rule(run.actor)
    shared = {"max_prompt_length": run.actor}
    for document in opened.datasets:
        yield from datasets.pairs(document, run.actor.get("data_path"), shared)
    reward = run.roles.get("reward")
    if reward is not None and reward.get("verifier"):
        data = hint(str(run.actor.get("data_path") or ""), opened.datasets)
        scoring = rewards.Scoring(run.algorithm, run.actor, LLM_VERIFIERS, data, model=model)
        for of_rewards in rewards.RULES:
            yield from of_rewards(scoring)


def _around(asked: Asked, opened: Opened) -> Iterator[Finding]:
    roles = opened.roles
    if asked.model is not None and roles:
        config = model_rules.read_config(asked.model)
        for role in _distinct(roles):
            yield from model_rules.against_config(role, config)
    if asked.checkpoint is not None:
        found = checkpoint.read_checkpoint(asked.checkpoint)
        yield from checkpoint.whole(found, asked.checkpoint)
        if roles:
            yield from checkpoint.layout(found, asked.checkpoint, roles)
        if asked.model is not None:
            yield from checkpoint.hashes(found, asked.checkpoint, asked.model)
    if asked.launch is not None:
        script = launch.read_script(asked.launch)
        yield from launch.cards(script, opened.npus)
        for check in (launch.master, launch.network_card, launch.preloaded, launch.broad_kills):
            yield from check(script)
    if asked.runtime_env is not None:
        document = _read(asked.runtime_env)
        runtime_env.check_keys(document)
        yield from runtime_env.rules(document, opened.rl[0] if opened.rl else None)


def _distinct(roles: dict[str, Layers]) -> list[Layers]:
    """One role for each model: roles of one model would say the same."""
    by_model = {str(role.get("model")): role for role in reversed(list(roles.values()))}
    return list(by_model.values())


def _read(path: Path) -> Document:
    # Here, not above: the doctor looks at an environment without PyYAML too.
    from mindspeed_rl_ext.doctor.yaml_file import read

    return read(path)
