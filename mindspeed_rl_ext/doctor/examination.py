"""What rules look at in the files that a user names, and the findings on it.

Covers: one object for each thing that rules look at; `RuleBook.examine` finds the rules by its
class. Does not cover: the rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.core.files.yaml_file import read_yaml
from mindspeed_rl_ext.core.rules import Finding, Place, worst_first
from mindspeed_rl_ext.doctor.opened import Opened, open_files
from mindspeed_rl_ext.doctor.options import DoctorOptions
from mindspeed_rl_ext.doctor.readers.chat_files import ChatFiles, chat_file_of, read_chat_files
from mindspeed_rl_ext.doctor.readers.checkpoint import read_checkpoint
from mindspeed_rl_ext.doctor.readers.dataset import DatasetFile
from mindspeed_rl_ext.doctor.readers.environment import Environment
from mindspeed_rl_ext.doctor.readers.launch_script import read_script
from mindspeed_rl_ext.doctor.readers.mindspeed.algorithm import algorithm_of
from mindspeed_rl_ext.doctor.readers.mindspeed.installed_host import installed_host
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import Role
from mindspeed_rl_ext.doctor.readers.mindspeed.rl_run import RolloutRun
from mindspeed_rl_ext.doctor.readers.mindspeed.rlxf_run import RlxfRun
from mindspeed_rl_ext.doctor.readers.model_config import ModelInUse, read_config
from mindspeed_rl_ext.doctor.readers.network_cards import network_of_runtime_env, network_of_script
from mindspeed_rl_ext.doctor.readers.packed import read_packed_files
from mindspeed_rl_ext.doctor.readers.ray_cluster import read_cluster
from mindspeed_rl_ext.doctor.readers.rewards.recipe import recipe_subjects
from mindspeed_rl_ext.doctor.readers.rewards.scoring import ScoredPrompts, models_of, scoring_of
from mindspeed_rl_ext.doctor.readers.runtime_env import load_runtime_env
from mindspeed_rl_ext.doctor.readers.trl_part import trl_subjects
from mindspeed_rl_ext.doctor.readers.verl.data import chats_of_verl, prompts_of_verl
from mindspeed_rl_ext.doctor.readers.verl.run import load_verl
from mindspeed_rl_ext.doctor.readers.verl.verifiers import our_verifiers
from mindspeed_rl_ext.doctor.rulebook import load_rules


def examine(options: DoctorOptions, environment: Environment) -> list[Finding]:
    """The findings on everything that a user names, the worst first.

    Args:
        options: what to look at.
        environment: the Python that would run it.

    Raises:
        InputError: a file that is missing, broken, or of no known kind.
    """
    book = load_rules()
    opened = open_files(options)
    found = [*book.examine(environment)]
    for subject in subjects(options, opened, environment):
        found += book.examine(subject)
    return worst_first(found)


def subjects(options: DoctorOptions, opened: Opened, environment: Environment) -> Iterator[object]:
    """Each thing in the files that rules look at."""
    yield from opened.names
    for run in opened.rl:
        yield run
        yield from run.roles.values()
        if isinstance(run, RolloutRun):
            yield algorithm_of(run)
            yield from _scoring(run, opened, options)
        yield installed_host(run, environment)
    for old in opened.rlxf:
        yield old
        yield old.actor
        yield algorithm_of(old)
        yield from _scoring(old, opened, options)
    for document in opened.datasets:
        yield DatasetFile(document, opened.runs)
    started = opened.accelerate[0].document if opened.accelerate else None
    for document in opened.trl:
        yield from trl_subjects(document, environment, started, options.model)
        yield from recipe_subjects(document, options.model)
    yield from opened.accelerate
    yield from _beside(options, opened)
    if options.verl:
        yield from _verl(options, environment)
    if options.data:
        chats = chat_file_of(options.data)
        model = str(options.model) if options.model else None
        if chats is not None:
            yield _chat_files(chats, options, environment, opened.max_prompt_length)
        else:
            yield read_packed_files(options.data, model, opened.max_prompt_length)
    if options.ray:
        of_run = read_yaml(options.runtime_env).value if options.runtime_env else None
        yield read_cluster(options.ray, [*_shared_paths(options, opened)], opened.npus, of_run)


def _scoring(run: RolloutRun | RlxfRun, opened: Opened, options: DoctorOptions) -> Iterator[object]:
    scoring = scoring_of(run, opened.datasets, options.data)
    if scoring is not None:
        yield scoring
        yield ScoredPrompts(scoring.names, scoring.place, scoring.host, scoring.data)
        yield from models_of(scoring, options.model)


def _beside(options: DoctorOptions, opened: Opened) -> Iterator[object]:
    """Files that are no YAML of a run, beside the run that uses them."""
    roles = opened.roles
    if options.model is not None and roles:
        config = read_config(options.model)
        yield from (ModelInUse(role, config) for role in _one_per_model(roles))
    if options.checkpoint is not None:
        yield read_checkpoint(options.checkpoint, roles, options.model)
    if options.launch is not None:
        script = read_script(options.launch, opened.npus)
        yield script
        yield network_of_script(script)
    if options.runtime_env is not None:
        document = read_yaml(options.runtime_env)
        yield load_runtime_env(document, opened.rl[0] if opened.rl else None)
        yield network_of_runtime_env(document)


def _verl(options: DoctorOptions, environment: Environment) -> Iterator[object]:
    config = read_config(options.model) if options.model is not None else {}
    for run in load_verl(options.verl or "", environment, options.verl_version, config):
        yield run
        yield from prompts_of_verl(run)
        yield from chats_of_verl(run, options.model, options.max_prompt_length)
        ours = our_verifiers(run)
        if ours is not None:
            yield ours


def _chat_files(
    path: Path, options: DoctorOptions, environment: Environment, of_host: int | None
) -> ChatFiles:
    """A Parquet file, with the longest prompt of the run that is named beside it."""
    runs = load_verl(options.verl, environment, None, {}) if options.verl else []
    of_run = next((run.number("data.max_prompt_length") for run in runs), None)
    drops = all(run.flag("data.filter_overlong_prompts") is not False for run in runs)
    return read_chat_files(
        [path],
        Place(options.data or ""),
        model=options.model,
        max_prompt_length=options.max_prompt_length or of_run or of_host,
        drops=bool(runs) and drops,
    )


def _one_per_model(roles: dict[str, Role]) -> list[Role]:
    """One role per model: roles of one model have the same findings."""
    by_model = {str(role.get("model")): role for role in reversed(list(roles.values()))}
    return list(by_model.values())


def _shared_paths(options: DoctorOptions, opened: Opened) -> Iterator[str]:
    """What every node must have: absolute paths, since each node has its own directory."""
    named = [options.model, options.checkpoint, options.runtime_env, *map(Path, options.config)]
    for path in named:
        if path is not None and path.exists():
            yield str(path.resolve())
    if options.data:
        prefix = Path(options.data).resolve()
        yield from map(str, sorted(prefix.parent.glob(f"{prefix.name}_packed_*_document.*")))
    for role in opened.roles.values():
        for key in ("tokenizer_name_or_path", "load"):
            value = role.get(key)
            if isinstance(value, str) and value.startswith("/"):
                yield value
