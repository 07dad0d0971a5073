"""A verifier from outside the package: known to evaluation and report by its declaration."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# In a process of its own: a registered verifier stays.
CODE = """
from mindspeed_rl_ext import verifier
from mindspeed_rl_ext.verifiers import Outcome, Verdict

@verifier("outside_hash", needs=("answer",), reads=("hash_line",), judges_answer=True)
def outside_hash(response: str, *, answer: str) -> Verdict:
    "1 where the line behind #### is the reference."
    right = response.rpartition("####")[2].strip() == answer
    return Verdict(Outcome.CORRECT if right else Outcome.WRONG, float(right), "", "")

@verifier("outside_layout", reads=("answer_tag",), judges_answer=False)
def outside_layout(response: str) -> Verdict:
    "Whether an answer tag stands."
    return Verdict(Outcome.CORRECT, 1.0, "", "")
"""
CHECKS = """
from mindspeed_rl_ext.core.responses.rollouts import Rollout, VerdictRow
from mindspeed_rl_ext.recipes.evaluation.defaults import defaults_for, graders_for
from mindspeed_rl_ext.report.sources.rollouts import class_of
from mindspeed_rl_ext.report.sources.verifier_kinds import answer_verifier, judges_format

assert graders_for({"hash_line"}).strict == "outside_hash"
assert defaults_for("mine", "own.json").graders.strict == "outside_hash"
assert defaults_for("qwen_math_r1").graders.strict == "simplerl"
assert answer_verifier(["outside_layout", "outside_hash"]) == "outside_hash"
assert judges_format("outside_layout") and not judges_format("informative")
rows = {"outside_layout": VerdictRow(0.0, "BAD_FORMAT"), "outside_hash": VerdictRow(1.0, "CORRECT")}
assert class_of(Rollout("r", "a", verdicts=rows)) == "neither"
print("found everywhere")
"""
TEMPLATE = """[{"name": "mine",
"format_user": {"slots": ["{{content}} End with #### and a number."]},
"format_assistant": {"slots": ["{{content}}"]}}]"""


def test_a_verifier_from_outside_is_found_everywhere(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(TEMPLATE)
    (tmp_path / "outside.py").write_text(CODE)
    done = subprocess.run(
        [sys.executable, "-c", f"import outside\n{CHECKS}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "found everywhere" in done.stdout
