"""The same trainings on a cluster: the command that a host's trainer gets, read by hydra itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mindspeed_rl_ext.cli import train
from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.recipes.training import cluster
from mindspeed_rl_ext.recipes.training.cluster import ENGINES, cluster_command, run_cluster
from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe

PAIRS = [
    ("simplerl_zero", "mindspeed-rl"),
    ("simplerl_zero", "mindspeed-llm-feb25"),
    ("r1_zero", "mindspeed-rl"),
    ("r1_zero", "mindspeed-llm-feb25"),
]
# A host's trainer as far as hydra goes: it says what it was started with.
TRAINER = """
import json, os, sys
sys.argv[0] = __file__
import hydra
from omegaconf import OmegaConf

@hydra.main(config_path="../configs", config_name="its_own", version_base=None)
def main(config):
    table = OmegaConf.to_container(config)
    names = ("CUDA_DEVICE_MAX_CONNECTIONS", "HCCL_CONNECT_TIMEOUT")
    printed = {"config": table, "env": {n: os.environ.get(n) for n in names}, "cwd": os.getcwd()}
    open(os.environ["SAID"], "w").write(json.dumps(printed))
    sys.exit(7)

main()
"""


@pytest.fixture
def host(tmp_path: Path) -> Path:
    folder = tmp_path / "host"
    for engine in ENGINES.values():
        script = folder / engine.script
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(TRAINER)
    (folder / "configs").mkdir()
    return folder


@pytest.mark.parametrize(("name", "engine"), PAIRS)
def test_print_shows_doctor_directory_environment_and_command(
    name: str, engine: str, host: Path, capsys: pytest.CaptureFixture[str], repo_root: Path
) -> None:
    flags = ["--config", name, "--size", "real", "--engine", engine, "--host", str(host)]
    assert main(["train", *flags, "--print"]) == 0
    doctor, folder, *exports, command = capsys.readouterr().out.strip().splitlines()
    file = repo_root / "configs" / ENGINES[engine].kind
    assert doctor.startswith(f"# doctor: msrl-ext doctor --config {file}/")
    assert folder == f"cd {host}"
    assert "export CUDA_DEVICE_MAX_CONNECTIONS=1" in exports
    assert command.startswith(f"{sys.executable} {ENGINES[engine].script} --config-path {file} ")


@pytest.mark.parametrize(("name", "engine"), PAIRS)
def test_print_needs_neither_a_size_nor_a_checkout(
    name: str, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--config", name, "--engine", engine, "--print"]) == 0
    assert f"cd /path/to/{engine}" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "engine"), PAIRS)
def test_hydra_reads_our_file_and_our_model_through_that_command(
    name: str, engine: str, host: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("hydra", reason="hydra reads the hosts' configuration; it is not installed")
    monkeypatch.setenv("SAID", str(tmp_path / "printed.json"))
    command = cluster_command(load_recipe(name, "real"), engine, host)
    assert run_cluster(command, doctor=None) == 7
    printed = json.loads((tmp_path / "printed.json").read_text())
    assert printed["env"] == {"CUDA_DEVICE_MAX_CONNECTIONS": "1", "HCCL_CONNECT_TIMEOUT": "1800"}
    assert printed["cwd"] == str(host)
    merged = json.dumps(printed["config"])
    assert '"num_layers": 28' in merged
    assert "verifier" in merged


def test_errors_of_the_doctor_stop_the_start(
    host: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[object] = []
    monkeypatch.setattr(train, "ask_doctor", lambda config: 1)
    monkeypatch.setattr(cluster.subprocess, "run", lambda *a, **k: started.append(a))
    flags = ["--config", "r1_zero", "--size", "real", "--engine", "mindspeed-rl"]
    assert main(["train", *flags, "--host", str(host)]) == 1
    assert "the run was not started" in capsys.readouterr().err
    assert not started


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--config", "countdown", "--size", "real"], "has no configuration for mindspeed-rl"),
        (["--config", "r1_zero", "--size", "cpu"], "choose --size real"),
        (["--config", "r1_zero", "--size", "real", "--host", "/"], "no cli/train_grpo.py there"),
    ],
)
def test_what_a_cluster_lacks_exits_with_2(
    flags: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *flags, "--engine", "mindspeed-rl"]) == 2
    assert expected in capsys.readouterr().err
