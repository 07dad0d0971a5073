"""No package of a host moves when ours and its extras are installed beside it.

Needs the host checkouts as `tests/hosts/run.sh` has them (MSRL_EXT_HOSTS), uv and a package index:

    MSRL_EXT_SLOW=1 MSRL_EXT_HOSTS=DIR python -m pytest tests/packaging/hosts

makes an environment for each line, runs our commands in it, and prints the table. About 30 GB of
disk, most of it torch, once for all lines. MSRL_EXT_HOST_PYTHON names a Python other than 3.10.
Covers: what pip freezes and checks before and after; torch_npu installed without CANN.
Does not cover: what the environments of `conftest` leave out.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from mindspeed_rl_ext.hosts.adapter import Adapter
from mindspeed_rl_ext.hosts.catalog import load_adapters

HOST_EXTRAS = ("data", "eval", "ray", "report")
ANTLR = "antlr4-python3-runtime"
# The only antlr that hydra, latex2sympy2 and math-verify all run with.
ANTLR_OF_ALL = "4.9.3"
# Of these alone we name versions: no host requires math-verify older than 0.8.
BOUNDED = {"math-verify", ANTLR}
LINES = load_adapters()


def test_extras_for_hosts_name_no_versions_of_a_hosts_packages():
    try:
        rows = [Requirement(row) for row in requires("mindspeed-rl-ext") or ()]
    except PackageNotFoundError:
        pytest.skip("the package is not installed")
    chosen = {None, "verify", *HOST_EXTRAS}
    for extra in chosen:
        ours = [r for r in rows if r.marker is None or r.marker.evaluate({"extra": extra or ""})]
        assert ours, f"no requirement of {extra}"
        bounded = {r.name for r in ours if r.specifier}
        assert bounded == (BOUNDED if extra == "verify" else set())


@pytest.fixture(scope="module")
def hosts() -> Path:
    named = os.environ.get("MSRL_EXT_HOSTS")
    if not named:
        pytest.skip("no host checkouts: set MSRL_EXT_HOSTS")
    if not shutil.which("uv"):
        pytest.skip("no uv: pip install uv")
    return Path(named)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    """A tiny model and rows for our commands; made here, read by the host's versions."""
    pytest.importorskip("torch", reason="the model is made with torch")
    tiny_model = pytest.importorskip("mindspeed_rl_ext.recipes.tiny_model")
    folder = tmp_path_factory.mktemp("inputs")
    model = folder / "model"
    tiny_model.build_model(tiny_model.build_tokenizer(model), 0).save_pretrained(model)
    settings = json.loads((model / "tokenizer_config.json").read_text())
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"  # the name that old versions know
    settings["chat_template"] = "{% for one in messages %}{{ one['content'] }}{% endfor %}"
    (model / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "rows.jsonl").write_text('{"q": "What is 1+1?", "a": "2"}\n')
    (folder / "rollouts.jsonl").write_text('{"response": "\\\\boxed{2}", "answer": "2"}\n')
    return folder


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("line", LINES, ids=lambda line: line.checkouts[0].folder)
def test_nothing_of_a_host_moves_and_our_commands_run(
    line, hosts, make, inputs, wheel, tmp_path, capsys
):
    folder = line.checkouts[0].folder
    if not (hosts / folder).is_dir():
        pytest.skip(f"no checkout {folder} in {hosts}")
    environment = make(line, hosts, tmp_path / folder)
    before, complaints = environment.freeze(), environment.complaints()
    extras = [*HOST_EXTRAS, "verify"] if fits_math_verify(before) else [*HOST_EXTRAS]
    done = pip_install(environment, f"{wheel}[{','.join(extras)}]")
    assert done.returncode == 0, done.stderr[-2000:]
    after = environment.freeze()
    moved = {name: (old, after.get(name)) for name, old in before.items() if after.get(name) != old}
    added = sorted(set(after) - set(before))
    new_complaints = sorted(environment.complaints() - complaints)
    with capsys.disabled():
        sys.stdout.write(row(line, environment, extras, added, moved, new_complaints))
    assert moved == {}
    assert new_complaints == []
    assert "mindspeed-rl-ext" in added
    if "verify" not in extras:
        assert_constraints_keep_antlr(environment, wheel, after)
    assert_commands_run(environment, inputs, tmp_path / "out")
    shutil.rmtree(environment.home)


def fits_math_verify(frozen: dict[str, str]) -> bool:
    """Whether math-verify can be added without moving the antlr that is there."""
    return frozen.get(ANTLR, ANTLR_OF_ALL) == ANTLR_OF_ALL


def pip_install(environment, *words: object):
    """Installs as a user does, with the environment's own pip."""
    return environment.run(environment.python, "-m", "pip", "install", "-q", *words)


def assert_constraints_keep_antlr(environment, wheel: Path, frozen: dict[str, str]) -> None:
    """With the frozen versions as constraints, as documented, pip refuses and moves nothing."""
    constraints = environment.home / "before.txt"
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in frozen.items()))
    done = pip_install(environment, "-c", constraints, f"{wheel}[verify]")
    assert done.returncode != 0
    assert "antlr4-python3-runtime" in done.stderr
    assert environment.freeze() == frozen


def assert_commands_run(environment, inputs: Path, out: Path) -> None:
    """Our commands end well beside the host's own torch, torch_npu, numpy and transformers."""
    out.mkdir()
    columns = '{"prompt": "q", "query": "", "response": "a"}'
    rows = ["--input", inputs / "rows.jsonl", "--map-keys", columns, "--prompt-type", "qwen_r1"]
    rows += ["--tokenizer-name-or-path", inputs / "model"]
    model = ["--load-dir", inputs / "model", "--load-model-type", "hf"]
    for words in (
        ["doctor"],
        ["convert", *model, "--save-dir", out / "mg", "--save-model-type", "mg", "--verify"],
        ["convert", *model, "--save-dir", out / "dist", "--save-model-type", "torch_dist"],
        ["score", "--input", inputs / "rollouts.jsonl", "--verifier", "boxed_acc"],
        ["preprocess", *rows, "--output-prefix", out / "packed"],
        ["preprocess", *rows, "--output-prefix", out / "verl", "--format", "verl"],
        ["preview", out / "packed", "-n", "1"],
    ):
        done = environment.run("msrl-ext", *words)
        assert done.returncode == 0, f"msrl-ext {words[0]}: {done.stdout}{done.stderr}"


def row(line: Adapter, environment, extras, added, moved, complaints) -> str:
    """A row of the table, in Markdown."""
    left_out = "; ".join(f"`{name}`: {why}" for name, why in environment.left_out.items())
    cells = [line.name, left_out or "-", ", ".join(extras), ", ".join(added)]
    cells += [str(moved or "-"), "; ".join(complaints) or "-"]
    return f"\n| {' | '.join(cells)} |\n"
