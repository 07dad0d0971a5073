"""What a quickstart must show, judged on the figures it wrote.

Covers: the gain in held-out accuracy and the format, and for a control run that there is no gain.
Does not cover: the level that is reached; it varies with the seed (0.56 to 0.87 in trials).
"""

from __future__ import annotations

from dataclasses import dataclass

from mindspeed_rl_ext.recipes.quickstart.workspace import QuickstartSettings, Workspace

MIN_GAIN = 0.15
MAX_CONTROL_GAIN = 0.05
MIN_FORMAT = 0.95


@dataclass(frozen=True)
class Check:
    """One figure beside what it must be."""

    name: str
    value: float
    expected: str
    ok: bool


def judge(work: Workspace) -> list[Check]:
    """The checks of a finished run.

    Args:
        work: the output directory, with `evaluation/before.json` and `after.json` in it.
    """
    before = work.read("evaluation/before.json")
    after = work.read("evaluation/after.json")
    gain = after["accuracy"] - before["accuracy"]
    if work.settings.control:
        return [
            Check(
                "gain by random rewards", gain, f"<= {MAX_CONTROL_GAIN}", gain <= MAX_CONTROL_GAIN
            )
        ]
    return [
        Check("gain in held-out accuracy", gain, f">= {MIN_GAIN}", gain >= MIN_GAIN),
        Check("format after", after["format"], f">= {MIN_FORMAT}", after["format"] >= MIN_FORMAT),
    ]


def can_be_judged(settings: QuickstartSettings) -> bool:
    """Whether the run is long enough for the checks: a shortened one only shows the loop."""
    default = QuickstartSettings()
    return settings.sft.steps >= default.sft.steps and settings.grpo.steps >= default.grpo.steps
