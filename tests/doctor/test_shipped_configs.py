"""What we ship: every key explained, no error of the doctor's, nothing that a host would refuse."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2] / "configs"
KINDS = ("model", "msrl", "rlxf", "verl", "envs")
FILES = sorted(path for kind in KINDS for path in (ROOT / kind).glob("*.yaml"))
RUNS = sorted(path for kind in ("msrl", "rlxf") for path in (ROOT / kind).glob("*.yaml"))
VERL = sorted((ROOT / "verl").glob("*.yaml"))
VERL_RECIPES = ("simplerl_zero", "r1_zero", "gsm8k_grpo", "dapo_17k", "countdown")
SCRIPTS = sorted(ROOT.rglob("*.sh"))
KEY = re.compile(r"^\s*(?:- )?[\w-]+:")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_what_the_recipes_need_is_there():
    names = {name(path) for path in FILES}
    models = {"qwen25-7b", "qwen25-math-7b", "qwen25-7b-instruct", "qwen25-32b", "qwen25-tiny-cpu"}
    assert {f"model/{model}.yaml" for model in models} <= names
    runs = {"grpo_qwen25_7b", "grpo_qwen25_math_7b", "grpo_qwen25_32b", "dapo_qwen25_32b"}
    assert {f"msrl/{run}.yaml" for run in runs} <= names
    older = {"grpo_qwen25_math_7b", "r1_zero_qwen25_7b_instruct"}
    assert {f"rlxf/{run}.yaml" for run in older} <= names


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_key_has_a_comment_on_its_line_or_above(path):
    rows = path.read_text(encoding="utf-8").splitlines()
    unexplained = []
    for number, row in enumerate(rows):
        if not KEY.match(row) or "#" in row:
            continue
        above = next((rows[n] for n in range(number - 1, -1, -1) if not KEY.match(rows[n])), "")
        # Keys in a row under one comment share it, as do a key and the first one inside it.
        if not above.lstrip().startswith("#"):
            unexplained.append(row)
    assert not unexplained


@pytest.mark.parametrize("version", ["0.7", "0.8", "0.9"])
@pytest.mark.parametrize("path", VERL, ids=name)
def test_the_doctor_finds_no_fault_in_what_verl_runs(path, version, findings):
    found = findings(verl=str(path), verl_version=version)
    assert not [str(f) for f in found if f.level != "note" or "variables" in f.id]


def test_verl_has_each_recipe_for_both_engines():
    assert {path.stem for path in VERL} == {
        f"{recipe}_{engine}" for recipe in VERL_RECIPES for engine in ("fsdp2", "megatron")
    }


@pytest.mark.parametrize("path", VERL, ids=name)
def test_verl_trains_on_the_files_of_the_data_recipe(path):
    text = path.read_text(encoding="utf-8")
    [recipe] = set(re.findall(r"output_prefix of configs/(datasets/\w+\.yaml)", text))
    prefix = yaml.safe_load((ROOT / recipe).read_text(encoding="utf-8"))["output_prefix"]
    data = yaml.safe_load(text)["data"]
    assert data["train_files"] == f"{prefix}.parquet"
    assert data["val_files"] == f"{prefix}_heldout.parquet"
    assert f"--config {Path(recipe).stem} --format verl" in text


@pytest.mark.parametrize("path", RUNS, ids=name)
def test_the_doctor_finds_no_error(path, findings):
    assert not [str(f) for f in findings(path) if f.level == "error"]


@pytest.mark.parametrize("path", RUNS, ids=name)
def test_the_doctor_finds_no_error_with_the_data_s_recipe(path, findings):
    text = path.read_text(encoding="utf-8")
    [recipe] = set(re.findall(r"output_prefix of configs/(datasets/\w+\.yaml)", text))
    found = findings(path, ROOT / recipe)
    assert not [str(f) for f in found if f.level == "error"]
    command = re.search(r"--max-prompt-length (\d+)", text)
    expected = (
        {"dataset-differs-from-run"} if command else set()
    )  # the header says how to preprocess instead
    assert {f.id for f in found if f.id == "dataset-differs-from-run"} == expected


@pytest.mark.parametrize("path", RUNS, ids=name)
def test_they_name_our_verifiers_and_a_model_of_ours(path, findings):
    found = findings(path)
    assert "reward-verifiers-of-ours" in {f.id for f in found}
    assert "reward-verifier-of-host" not in {f.id for f in found}
    table = yaml.safe_load(path.read_text(encoding="utf-8"))
    [model] = table["defaults"][0]["model"]
    assert set(yaml.safe_load((ROOT / "model" / f"{model}.yaml").read_text())) == {model}


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_the_scripts_parse_and_kill_nothing_of_others(path):
    subprocess.run(["bash", "-n", str(path)], check=True)
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(pkill|killall)\b|ray stop|kill -9", text)
    if path.name.startswith("launch"):
        assert "set -euo pipefail" in text
        head = text.split("here=")[0]
        for variable in ("NNODES", "NPUS_PER_NODE", "MASTER_ADDR", "SOCKET_IFNAME"):
            assert f"{variable}=" in head


def run_script(host: Path, kind: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(ROOT / kind / "launch_single_node.sh")],
        cwd=host,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SKIP_DOCTOR": "1", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("kind", ["msrl", "rlxf"])
def test_a_script_says_what_is_wrong_before_it_starts_anything(kind, tmp_path):
    elsewhere = run_script(tmp_path, kind)
    assert "start the script in the host's directory" in elsewhere.stderr
    assert elsewhere.returncode == 2
    trainer = tmp_path / "trainer.py"
    trainer.touch()
    unknown = run_script(tmp_path, kind, TRAINER="trainer.py", CONFIG="nothing")
    assert unknown.returncode == 2
    assert "nothing.yaml" in unknown.stderr
    card = run_script(tmp_path, kind, TRAINER="trainer.py", SOCKET_IFNAME="no-such-card")
    assert card.returncode == 2
    assert "no-such-card" in card.stderr


def test_the_script_of_verl_says_what_is_wrong_before_it_starts_anything(tmp_path):
    unknown = run_script(tmp_path, "verl", CONFIG="nothing")
    assert unknown.returncode == 2
    assert "nothing.yaml" in unknown.stderr
    absent = run_script(tmp_path, "verl", PYTHON="false")
    assert absent.returncode == 2
    assert "verl is not installed" in absent.stderr


def test_hydra_finds_the_model_of_every_run(monkeypatch):
    hydra = pytest.importorskip("hydra", reason="hydra is a host's library")
    for path in RUNS:
        with hydra.initialize_config_dir(str(path.parent), version_base=None):
            overrides = [f"hydra.searchpath=[file://{ROOT}]"]
            composed = hydra.compose(path.stem, overrides=overrides)
        assert len(composed["model"]) == 1
