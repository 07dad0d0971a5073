"""The keys of a resume, written into a configuration: which, where, with which values.

Covers: the five keys of MindSpeed-RL, the critic's four, and the same in the roles of
MindSpeed-LLM's rlxf files. Does not cover: whether the checkpoint is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.yaml_file import Document, parse_yaml
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import Layers, same_path
from mindspeed_rl_ext.doctor.readers.mindspeed.rl_run import RlRun, load_rl
from mindspeed_rl_ext.doctor.readers.mindspeed.rlxf_run import ROLE_PATHS, RlxfRun, load_rlxf
from mindspeed_rl_ext.doctor.yaml_edit import Scalar, with_value

REFERENCE = ("rl_config", "integrated_mode_config", "ref_model_load_path")
NOT_LOADED = ("no_load_optim", "no_load_rng")


@dataclass(frozen=True)
class Change:
    """One key and its new value."""

    path: tuple[str, ...]
    value: Scalar

    def __str__(self) -> str:
        spelled = str(self.value).lower() if isinstance(self.value, bool) else self.value
        return f"{'.'.join(self.path)}: {spelled}"


def resumed(text: str, path: Path, reference: str | None = None) -> tuple[str, list[Change]]:
    """The text of a configuration that goes on where its run ended, and what was changed.

    Args:
        text: the configuration of the first run, or of an earlier resume.
        path: where it is, for the model file and messages.
        reference: the weights that the first run started from; taken from the text where left out.

    Raises:
        InputError: nothing is saved, or it is not known which weights the first run started from.
    """
    document = parse_yaml(text, path)
    if not isinstance(document.value, dict):
        raise InputError(f"{path} is not a table of keys")
    if "actor_rollout_ref" in document.value:
        changes = _of_rlxf(load_rlxf(document), reference)
    elif "rl_config" in document.value:
        changes = _of_rl(load_rl(document), reference)
    else:
        raise InputError(
            f"{path} is no configuration that can be resumed",
            found=f"the parts {', '.join(map(str, document.value))}",
            expected="a configuration of MindSpeed-RL, or a rlxf one of MindSpeed-LLM",
        )
    for change in changes:
        text = with_value(text, change.path, change.value, path)
    return text, changes


def _of_rl(run: RlRun, reference: str | None) -> list[Change]:
    changes = [*_role(run.document, run.actor, ("actor_config",))]
    if run.document.table("critic_config"):
        changes += _role(run.document, run.role("critic_config"), ("critic_config",))
    given = run.document.table(*REFERENCE[:2]).get(REFERENCE[2])
    saved = str(run.actor.get("save"))
    if run.rl.get("use_integrated_worker"):
        first = reference or given or run.actor.get("load")
        changes.append(Change(REFERENCE, _first_weights(run.document, first, saved)))
    elif run.document.table("ref_config"):
        # The reference has a part of its own there, which stays as it is.
        _first_weights(run.document, reference or run.role("ref_config").get("load"), saved)
    return changes


def _of_rlxf(run: RlxfRun, reference: str | None) -> list[Change]:
    changes = [*_role(run.document, run.actor, ROLE_PATHS["actor_rollout"])]
    if "critic" in run.roles:
        changes += _role(run.document, run.roles["critic"], ROLE_PATHS["critic"])
    if "ref" in run.roles:
        saved = str(run.actor.get("save"))
        first = _first_weights(run.document, reference or run.roles["ref"].get("load"), saved)
        changes.append(Change((*ROLE_PATHS["ref"], "load"), first))
    return changes


def _role(document: Document, role: Layers, path: tuple[str, ...]) -> list[Change]:
    save = role.get("save")
    if not save:
        raise InputError(
            f"{document.place(*path)} has no save: there is nothing to resume from",
            expected="save: the directory that the run wrote its checkpoints to",
            remedy="name the directory of the run's checkpoints under save",
        )
    for key in ("no_save_optim", "no_save_rng"):
        if role.get(key):
            raise InputError(
                f"{role.place(key)}: what a resume loads was not saved",
                found=f"{key}: true",
                remedy=f"a run that is to be resumed is started without {key}",
            )
    changes = [Change((*path, "finetune"), False), Change((*path, "load"), str(save))]
    return changes + [Change((*path, key), False) for key in NOT_LOADED]


def _first_weights(document: Document, first: object, saved: str) -> str:
    if not first or same_path(str(first), saved):
        raise InputError(
            f"{document.path} does not say which weights the first run started from",
            found=f"load and save are both {saved}" if first else "no load",
            expected="the reference model's weights, which must not be the trained ones",
            remedy="give them: --reference DIR",
        )
    return str(first)
