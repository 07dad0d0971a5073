"""The hosts' own validation takes every YAML that we ship for them."""

from __future__ import annotations

import pytest

# That line warns of a key that it does not know, the later ones stop: the file says so.
WARNED_OF = {"RL_20": {"rl_config.log_max_throughput"}}
BEFORE_DAPO = ("RL_20", "RL_21")  # they have no train_dapo.py
RLXF = ("LLM_FEB25", "LLM_20")


def test_every_file_passes(line, check, repo_root):
    configs = repo_root / "configs"
    if line.is_rl:
        name, folders = "configs_rl", ("datasets", "msrl")
    elif line.name in RLXF:
        name, folders = "configs_llm", ("rlxf",)
    else:
        pytest.skip("reads no YAML of ours")
    found = check(line, name, {"folder": configs, "checkout": line.paths()[0]})
    files = {f"{folder}/{p.stem}" for folder in folders for p in configs.glob(f"{folder}/*.yaml")}
    assert set(found) == files
    assert files
    refused = {name: said for name, said in found.items() if isinstance(said, str)}
    assert refused == {}
    absent = {name for name, keys in found.items() if keys is None}
    assert all(line.name in BEFORE_DAPO and name.startswith("msrl/dapo") for name in absent)
    if line.is_rl:
        # In data files our own options are taken out by the adapter; nothing is left over.
        left = {key for keys in found.values() for key in keys or ()}
        assert left == WARNED_OF.get(line.name, set())
