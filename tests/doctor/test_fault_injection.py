"""Each fault in each shipped file of its kind: found by its rule, and no other error appears."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2] / "configs"
KINDS = ("msrl", "rlxf", "datasets")
FILES = sorted(path for kind in KINDS for path in (ROOT / kind).glob("*.yaml"))
NAMES = {"msrl": "rl_config", "rlxf": "algorithm"}
# Two rules that one number breaks at once: both have to be fixed, so both are named.
ALSO = {
    # Fewer cards, or more stages, divide neither the model nor the batch.
    "cards-not-multiple-of-parallel-sizes": {
        "batch-not-multiple-of-rollout-dp",
        "cards-not-multiple-of-rollout-tp",
    },
    "parallel-size-not-divisor": {"cards-not-multiple-of-parallel-sizes", "layer-list-wrong-sum"},
    # The rollout's DP is a multiple of the training's.
    "batch-not-multiple-of-training-dp": {"batch-not-multiple-of-rollout-dp"},
    # The filter's metric is the broken name.
    "reward-unreadable-verifier": {"filter-metric-with-parameters"},
    # The pool names the cards of the roles once more.
    "rlxf-training-cards-not-multiple": {"rlxf-pool-differs-from-cards"},
    "rlxf-rollout-cards-not-multiple": {"rlxf-pool-differs-from-cards"},
    "rlxf-roles-share-checkpoint": {"rlxf-pool-not-multiple"},
    "rlxf-prompts-dropped": {"rlxf-batch-not-multiple"},
}
# Faults that depend on the file's own model, data or sizes: tried on the file that has those.
ONLY_THERE = {
    "zero-recipe-on-instruct-model",
    "reward-tags-from-base-model",
    "reward-for-other-data",
    "reward-prompt-asks-otherwise",
    "model-file-of-another-model",
    "multimodal-skips-verifiers",
    "filter-metric-with-parameters",
    "filter-metric-not-a-verifier",
}
OF_WEIGHTS = {"reward-weights-differ-in-number", "filter-metric-not-a-verifier"}


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def adapted(rule: str, changes: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The changes with what else they need in this file: a weight per verifier, its own paths."""
    table = yaml.safe_load(path.read_text("utf-8"))
    result = dict(changes)
    part = NAMES.get(path.parent.name, "")
    names = result.get(f"{part}/verifier_function")
    if names is not None and rule not in OF_WEIGHTS:
        result.setdefault(f"{part}/verifier_weight", [1.0] * len(names))
        if names and table[part].get("filter_groups_enable"):
            result.setdefault(f"{part}/filter_groups_metric", names[0])
    if part == "rl_config" and "save/grpo-qwen25-7b" in str(result):
        own, there = table["actor_config"]["save"], "./save/grpo-qwen25-7b"
        for key, value in result.items():
            if value in (there, there.removeprefix("./")):
                result[key] = own
            elif isinstance(value, dict):
                result[key] = {"ref_model_load_path": table["actor_config"]["load"]}
    return result


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_fault_is_found_by_its_rule_and_no_other_error_appears(path, faults, spoil, findings):
    clean = {f.id for f in findings(path) if f.level == "error"}
    wrong = []
    for rule, origin, changes in faults:
        here = origin == name_of(path)
        if origin.split("/")[0] != path.parent.name or (rule in ONLY_THERE and not here):
            continue
        found = findings(spoil(name_of(path), adapted(rule, changes, path)))
        errors = (
            {f.id for f in found if f.level == "error"} - clean - {rule} - ALSO.get(rule, set())
        )
        if here and rule not in {f.id for f in found}:
            wrong.append(f"{rule} was not found after {changes}")
        if errors:
            wrong.append(f"{rule}: {changes} makes {', '.join(sorted(errors))}")
    assert not wrong, "\n".join(wrong)
