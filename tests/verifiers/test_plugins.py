"""A verifier of another package is found by its entry point; a broken one is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = """
from mindspeed_rl_ext import verifier

@verifier("from_plugin", levels=(1.0, 0.0))
def from_plugin(response: str) -> float:
    return float("ok" in response)
"""


def run_with_plugin(folder: Path, source: str, code: str) -> subprocess.CompletedProcess[str]:
    """Installs a real distribution (module and metadata) in a folder and runs code beside it."""
    (folder / "their_rewards.py").write_text(source)
    info = folder / "their_rewards-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-rewards\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[mindspeed_rl_ext.verifiers]\nfrom_plugin = their_rewards:from_plugin\n"
    )
    path = os.pathsep.join([str(folder), *filter(None, sys.path)])
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


def test_a_plugin_is_loaded_on_the_first_miss_and_not_before(tmp_path: Path) -> None:
    done = run_with_plugin(
        tmp_path,
        GOOD,
        "import sys; from mindspeed_rl_ext.verifiers import resolve, registry_names;"
        "resolve('countdown'); assert 'their_rewards' not in sys.modules;"
        "print(resolve('from_plugin')('ok').score, 'from_plugin' in registry_names())",
    )
    assert done.stdout.split() == ["1.0", "True"], done.stderr


@pytest.mark.parametrize("source", ["import not_there\n", "raise RuntimeError('boom')\n", "\n"])
def test_a_broken_plugin_is_an_error_that_names_it(tmp_path: Path, source: str) -> None:
    done = run_with_plugin(
        tmp_path,
        source,
        "from mindspeed_rl_ext.verifiers import resolve, is_ours\n"
        "resolve('countdown')\n"
        "print(is_ours('from_plugin'))\n"
        "resolve('from_plugin')",
    )
    assert done.stdout.strip() == "False"
    assert "InputError: the verifier plugin 'from_plugin' of their-rewards" in done.stderr


DECLARED = '''
from mindspeed_rl_ext import verifier

@verifier(
    "from_plugin", needs=("answer",), wants=("prompt",), levels=(1.0, 0.0),
    reads=("hash_line",), judges_answer=True, zh="最后一行 #### 之后与答案相同得 1 分。",
)
def from_plugin(response: str, *, answer: str, prompt: str | None = None) -> float:
    """1 where the text behind the last #### is the answer."""
    return float(response.rpartition("####")[2].strip() == answer)
'''
EVERYWHERE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from mindspeed_rl_ext.doctor.readers.rewards.verifier_reads import reads_of
from mindspeed_rl_ext.recipes.evaluation.defaults import graders_for
from mindspeed_rl_ext.report.sources.verifier_kinds import judges_answer, judges_format
from mindspeed_rl_ext.verifiers import score
import reference.verifiers
print(json.dumps({
    "score": score(["so\\n#### 7"], ["7"], verifiers=["from_plugin"]).rewards,
    "doctor": reads_of("from_plugin", {}),
    "report": [judges_answer("from_plugin"), judges_format("from_plugin")],
    "evaluation": graders_for({"hash_line"}).strict,
    "docs": ["`from_plugin`" in reference.verifiers.render(lang, "") for lang in ("en", "zh")],
    "in Chinese": "最后一行 ####" in reference.verifiers.render("zh", ""),
}))
"""


def test_what_a_plugin_declares_is_found_wherever_it_is_needed(
    tmp_path: Path, repo_root: Path
) -> None:
    code = f"import sys; sys.argv = ['-c', {str(repo_root / 'scripts')!r}]\n{EVERYWHERE}"
    done = run_with_plugin(tmp_path, DECLARED, code)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "score": [1.0],
        "doctor": ["hash_line"],
        "report": [True, False],
        "evaluation": "from_plugin",
        "docs": [True, True],
        "in Chinese": True,
    }


def test_the_command_lists_and_uses_a_plugin_and_an_imported_module(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"response": "#### 7", "answer": "7"}\n')
    (tmp_path / "imported.py").write_text(DECLARED.replace("from_plugin", "from_import"))
    command = (
        "import sys; from mindspeed_rl_ext.cli._dispatch import main\n"
        "assert main(['score', '--list', '--import', 'imported']) == 0\n"
        f"main(['score', '--input', {str(rows)!r}, '--verifier', 'from_plugin,from_import',"
        " '--import', 'imported'])"
    )
    done = run_with_plugin(tmp_path, DECLARED, command)
    assert done.returncode == 0, done.stderr
    for name in ("from_plugin", "from_import"):
        assert f"{name}  levels: 1 / 0  needs: answer" in done.stdout
        assert f"{name}: mean 1.0000" in done.stdout


def test_a_plugin_that_is_installed_after_a_miss_is_found(tmp_path: Path) -> None:
    install = (
        "import pathlib, sys; from mindspeed_rl_ext.verifiers import is_ours\n"
        "assert not is_ours('late') and not is_ours('late')\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "(folder / 'late_rewards.py').write_text('from mindspeed_rl_ext import verifier\\n'\n"
        "    '@verifier(\"late\", levels=(1.0, 0.0))\\n'\n"
        "    'def late(response: str) -> float: return 1.0\\n')\n"
        "info = folder / 'late_rewards-1.0.dist-info'; info.mkdir()\n"
        "(info / 'METADATA').write_text('Metadata-Version: 2.1\\nName: late\\nVersion: 1.0\\n')\n"
        "(info / 'entry_points.txt').write_text("
        "'[mindspeed_rl_ext.verifiers]\\nlate = late_rewards:late\\n')\n"
        "import importlib; importlib.invalidate_caches()\n"
        "print(is_ours('late'))"
    )
    done = run_with_plugin(tmp_path, GOOD, install)
    assert done.stdout.strip() == "True", done.stderr
