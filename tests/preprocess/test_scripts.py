"""The scripts of the top-level folder, run as a user does who installed nothing."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from mindspeed_rl_ext.preprocess.packing.packed import read_packed

ROWS = [{"question": "How many?", "answer": "6 * 7\n#### 42"}]


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python without any package."""
    home = tmp_path_factory.mktemp("bare")
    venv.create(home, symlinks=True)
    return home / "bin" / "python"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the libraries of this one; a checkout that is installed among them is not."""
    home = tmp_path_factory.mktemp("libraries")
    venv.create(home, symlinks=True)
    (site,) = home.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin" / "python"


def test_the_script_runs_from_a_checkout_that_is_not_installed(
    python: Path, repo_root: Path, tokenizer_dir: Path, rows_file: Callable[..., Path],
    tmp_path: Path,
) -> None:  # fmt: skip
    done = subprocess.run(
        [
            *(python, repo_root / "preprocess" / "preprocess_prompts.py", "--config", "gsm8k"),
            *("--input", rows_file(ROWS), "--tokenizer-name-or-path", tokenizer_dir),
            *("--output-prefix", tmp_path / "out"),
        ],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "kept     1 of 1 rows" in done.stdout
    assert len(read_packed(tmp_path / "out")) == 1


@pytest.mark.parametrize(
    "script", ["preprocess/preprocess_prompts.py", "checkpoint_tools/convert_ckpt.py"]
)
def test_a_python_without_the_dependencies_is_told_what_to_install(
    bare_python: Path, repo_root: Path, script: str, tmp_path: Path
) -> None:
    words = [bare_python, repo_root / script, "--load-dir", tmp_path, "--save-dir", tmp_path / "b"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install numpy PyYAML tqdm" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["data_preprocess.sh", "gsm8k"], ["data_preprocess_gsm8k.sh"]])
def test_the_shell_scripts_take_a_recipe_and_variables(
    python: Path, repo_root: Path, tokenizer_dir: Path, rows_file: Callable[..., Path],
    tmp_path: Path, words: list[str],
) -> None:  # fmt: skip
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHON": str(python),
        "INPUT": str(rows_file(ROWS)),
        "TOKENIZER": str(tokenizer_dir),
        "OUTPUT_PREFIX": str(tmp_path / "out"),
    }
    command = ["bash", repo_root / "preprocess" / words[0], *words[1:], "--dedupe"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "kept     1 of 1 rows" in done.stdout


def test_a_recipe_that_is_not_named_is_asked_for(repo_root: Path) -> None:
    command = ["bash", repo_root / "preprocess" / "data_preprocess.sh"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "a data recipe, such as gsm8k" in done.stderr
