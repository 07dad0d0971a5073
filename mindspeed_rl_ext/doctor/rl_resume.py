"""R10: the five keys of a resume, all or none; load and save. Paths that are not there.

Covers: MindSpeed-RL; load and save of both lines. Does not cover: what a checkpoint holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mindspeed_rl_ext.doctor.finding import Finding
from mindspeed_rl_ext.doctor.layers import Layers
from mindspeed_rl_ext.doctor.run_rl import RlRun

REFERENCE = "integrated_mode_config.ref_model_load_path"


def load_and_save(role: Layers) -> Iterator[Finding]:
    """A first run does not write where it reads."""
    load, save = role.get("load"), role.get("save")
    if role.get("finetune") and load and save and same_path(str(load), str(save)):
        yield Finding("R10-same", role.place("save"), {"path": load})


def same_path(one: str, other: str) -> bool:
    """Whether two paths name one place, `./a/` and `a` alike."""
    return PurePosixPath(one) == PurePosixPath(other)


def five_keys(run: RlRun) -> Iterator[Finding]:
    """A resume is all of: finetune, no_load_optim, no_load_rng false, load, the reference."""
    actor, place = run.actor, run.actor.place("finetune")
    reference = run.document.table("rl_config", "integrated_mode_config").get("ref_model_load_path")
    finetune = bool(actor.get("finetune"))
    # Not given, the host loads both; beside finetune: true that is no sign of a resume.
    signs = {
        key: not actor.get(key) and (actor.has(key) or not finetune)
        for key in ("no_load_optim", "no_load_rng")
    }
    signs[REFERENCE] = bool(reference)
    if not run.rl.get("use_integrated_worker"):
        del signs[REFERENCE]  # the reference has a part of its own, with its own load
    if not any(signs.values()):
        if not finetune:
            yield Finding("R10-neither", place)
        return
    states = {"finetune": not finetune, **signs}
    missing = [key for key, is_set in states.items() if not is_set]
    if missing:
        yield _partial(run, [key for key in states if key not in missing], missing)
        return
    yield from _whole(run, str(reference or ""))


def _partial(run: RlRun, given: list[str], missing: list[str]) -> Finding:
    actor = run.actor
    states = [
        f"{key} is not set" if key == REFERENCE else f"{key} is {str(actor.get(key)).lower()}"
        for key in missing
    ]
    values = {"given": ", ".join(given), "missing": ", ".join(states)}
    return Finding("R10-partial", actor.place("finetune"), values)


def _whole(run: RlRun, reference: str) -> Iterator[Finding]:
    load = str(run.actor.get("load") or "")
    wrong = False
    if reference and load and same_path(reference, load):
        wrong = True
        yield Finding("R10-reference", run.document.place("rl_config", "integrated_mode_config"))
    for key in ("no_save_optim", "no_save_rng"):
        if run.actor.get(key):
            wrong = True
            yield Finding("R10-no-state", run.actor.place(key), {"key": key})
    if not wrong:
        yield Finding("R10-resume", run.actor.place("finetune"))


def paths(role: Layers) -> Iterator[Finding]:
    """Absolute paths of what is read are there; relative ones belong to the host's checkout."""
    for key in ("tokenizer_name_or_path", "load"):
        value = role.get(key)
        if isinstance(value, str) and value.startswith("/") and not Path(value).exists():
            yield Finding("R12-path", role.place(key), {"path": value})
    data = role.get("data_path")
    if isinstance(data, str) and data.startswith("/"):
        folder = Path(data).parent
        if not list(folder.glob(f"{Path(data).name}*")):
            yield Finding("R12-path", role.place("data_path"), {"path": data})
