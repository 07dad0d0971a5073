"""`--compare host`: the verifiers of the host that is installed, beside ours."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.hosts.graders import HOSTS, host_grader
from mindspeed_rl_ext.verifiers import Outcome

DOUBLES = Path(__file__).parent / "doubles"
ROWS = [{"response": "3", "answer": "3"}, {"response": r"\boxed{3}", "answer": "3"}]
COLUMNS = {"answer": ["3", "3"]}
VERL = """
def default_compute_score(data_source, solution_str, ground_truth, extra_info=None):
    if data_source == "broken":
        raise NotImplementedError(data_source)
    return {"score": float(solution_str == ground_truth), "source": data_source}
"""


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch):
    """Puts a folder first on the path; no package of a host stays imported."""

    def install(folder: Path) -> None:
        monkeypatch.syspath_prepend(str(folder))

    packages = tuple(host.package for host in HOSTS)
    yield install
    for name in [n for n in sys.modules if n.split(".")[0] in packages]:
        del sys.modules[name]


@pytest.mark.parametrize("folder", ["rl_22", "llm_feb25"])
def test_the_rules_of_a_host_grade_beside_ours(installed, folder: str) -> None:
    installed(DOUBLES / folder)
    verdicts = host_grader()(["3", r"\boxed{3}"], COLUMNS)
    assert [verdict.outcome for verdict in verdicts] == [Outcome.CORRECT, Outcome.WRONG]


def test_a_rule_that_a_host_would_skip_is_an_error(installed) -> None:
    installed(DOUBLES / "rl_22")
    with pytest.raises(InputError, match="no such rule"):
        host_grader("accuracy")(["3"], {"answer": ["3"]})
    with pytest.raises(InputError, match="retool_reward"):
        host_grader("retool_reward")(["3"], {"answer": ["3"]})


def test_verl_grades_by_the_data_source_of_the_row_or_of_the_word(installed, tmp_path) -> None:
    package = tmp_path / "verl" / "utils"
    package.mkdir(parents=True)
    (tmp_path / "verl" / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "reward_score.py").write_text(VERL)
    installed(tmp_path)
    columns = {"answer": ["3", "3", "3"], "data_source": ["openai/gsm8k", None, "broken"]}
    outcomes = [verdict.outcome for verdict in host_grader()(["3", "4", "3"], columns)]
    assert outcomes == [Outcome.CORRECT, Outcome.WRONG, Outcome.ERROR]
    assert host_grader("mine")(["3"], {"answer": ["3"]})[0].outcome is Outcome.CORRECT


def test_a_host_that_cannot_be_imported_is_named_with_the_reason(installed, tmp_path) -> None:
    (tmp_path / "mindspeed_rl").mkdir()
    (tmp_path / "mindspeed_rl" / "__init__.py").write_text("import no_such_library_here\n")
    installed(tmp_path)
    with pytest.raises(InputError, match="mindspeed_rl is installed") as caught:
        host_grader()
    assert "no_such_library_here" in str(caught.value)


def test_the_command_takes_graders_in_a_list_and_names_what_is_not_installed(
    installed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    words = ["score", "--input", str(path), "--verifier", "boxed_acc", "--compare"]
    assert main([*words, "host"]) == 2
    assert "no host is installed" in capsys.readouterr().err
    installed(DOUBLES / "rl_22")
    assert main([*words, "last_answer,host"]) == 0
    shown = capsys.readouterr().out
    assert "boxed_acc and last_answer" in shown
    assert "boxed_acc and host: 0 of 2 rows alike" in shown
    assert "mindspeed_rl score 1" in shown
