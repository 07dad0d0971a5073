"""The hosts' own validation takes every YAML that we ship for them."""

from __future__ import annotations

import pytest


def test_every_file_passes(line, check, repo_root):
    configs, folders = repo_root / "configs", line.behaviour.reads_configs
    if not folders:
        pytest.skip("reads no YAML of ours")
    name = "configs_rl" if line.is_rl else "configs_llm"
    found = check(line, name, {"folder": configs, "checkout": line.paths()[0]})
    files = {f"{folder}/{p.stem}" for folder in folders for p in configs.glob(f"{folder}/*.yaml")}
    assert set(found) == files
    assert files
    refused = {name: error for name, error in found.items() if isinstance(error, str)}
    assert refused == {}
    absent = {name for name, keys in found.items() if keys is None}
    # Lines that can't filter groups have no train_dapo.py.
    assert not absent or not line.behaviour.filters_groups
    assert all(name.startswith("msrl/dapo") for name in absent)
    if line.is_rl:
        # In data files our own options are taken out by the adapter; nothing is left over.
        left = {key for keys in found.values() for key in keys or ()}
        assert left == set(line.behaviour.warns_of)
