"""`msrl-ext migrate`: reads, translates, writes, asks the doctor.

Covers: configurations of MindSpeed-RL with rollouts. Does not cover: rlxf files of MindSpeed-LLM,
DPO; they are refused.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.shipped import resolve_config
from mindspeed_rl_ext.core.files.whole_files import write_text_atomic
from mindspeed_rl_ext.core.files.yaml_file import Document, read_yaml
from mindspeed_rl_ext.core.language import Language
from mindspeed_rl_ext.core.rules import Finding
from mindspeed_rl_ext.doctor.examination import examine
from mindspeed_rl_ext.doctor.options import DoctorOptions
from mindspeed_rl_ext.doctor.readers.environment import Environment, numbers, read_environment
from mindspeed_rl_ext.doctor.readers.mindspeed.rl_run import RolloutRun, load_rl
from mindspeed_rl_ext.recipes.migration.options import MigrateOptions
from mindspeed_rl_ext.recipes.migration.rows import Source
from mindspeed_rl_ext.recipes.migration.translate import Translation, translate
from mindspeed_rl_ext.recipes.migration.writing import as_script, as_yaml

SHIPPED = "msrl"  # the folder under configs/
_YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class Migrated:
    """A configuration that was migrated.

    Args:
        found: its translation.
        text: what is written.
        findings: of the doctor, on that text.
    """

    found: Translation
    text: str
    findings: Sequence[Finding]


def migrate(options: MigrateOptions, language: Language) -> Migrated:
    """Translates a configuration, writes the result where a file is named, and checks it.

    Args:
        options: what, and for which verl.
        language: of the comments.

    Raises:
        InputError: no such file, not a configuration of MindSpeed-RL with rollouts, something that
            verl can't be told, a result that is there already.
    """
    output = options.output
    _require_new(options)
    version = numbers(options.verl_version)[:2]
    if not version:
        raise InputError("--verl-version is no version", found=options.verl_version, expected="0.9")
    document = read_yaml(_path(options.config))
    found = translate(Source(run_of(document), version, options.npus_per_node))
    if output is not None and output.suffix in _YAML:
        text = as_yaml(found, document.path, options.verl_version, language, output.stem)
    else:
        text = as_script(found, document.path, options.verl_version, language)
    if output is not None:
        write_text_atomic(output, text)
        return Migrated(found, text, _findings(output, options.verl_version))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "overrides.sh")
        path.write_text(text, encoding="utf-8")
        return Migrated(found, text, _findings(path, options.verl_version))


def _require_new(options: MigrateOptions) -> None:
    output = options.output
    if output is None:
        return
    if output.is_dir():
        raise InputError(f"{output} is a directory", expected="a file to write")
    if output.exists() and not options.overwrite:
        raise InputError(
            f"{output} is there already", remedy="choose another name, or give --overwrite"
        )
    if not output.parent.is_dir():
        raise InputError(f"no directory {output.parent}", remedy="make it first")


def _path(config: str) -> Path:
    path = Path(config)
    if path.is_file() or path.suffix or len(path.parts) > 1:
        return path
    return resolve_config(config, SHIPPED)


def run_of(document: Document) -> RolloutRun:
    """The configuration as MindSpeed-RL's trainers read it.

    Raises:
        InputError: it is of another kind, has an unknown key or a value of the wrong type.
    """
    parts = document.value
    if "actor_rollout_ref" in parts or "algorithm" in parts:
        mindspeed = "resource_pool" in parts or "training" in parts
        raise InputError(
            f"{document.path} is no configuration of MindSpeed-RL",
            found="a rlxf file of MindSpeed-LLM" if mindspeed else "a configuration of verl",
            expected="megatron_training, actor_config, rl_config, generate_config",
            remedy="take the MindSpeed-RL file of the same recipe (configs/msrl), then migrate it",
        )
    run = load_rl(document)
    if not isinstance(run, RolloutRun):
        raise InputError(
            f"{document.path} has no rl_config: there is no reinforcement learning to migrate",
            found=f"the parts {', '.join(map(str, parts)) or 'none'}",
            expected="megatron_training, actor_config, rl_config, generate_config",
        )
    return run


def _findings(path: Path, version: str) -> list[Finding]:
    """What the doctor finds in the file, and nothing of this machine."""
    here = read_environment()
    bare = Environment(here.python, {})
    found = examine(DoctorOptions(verl=str(path), verl_version=version), bare)
    return [finding for finding in found if finding.at.name == str(path)]
