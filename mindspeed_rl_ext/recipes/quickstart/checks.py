"""What a quickstart must show, by the figures that it wrote.

Covers: the gain in held-out accuracy and the format; for a control, that its gain is small.
Does not cover: the level that is reached; it varies with the seed and the machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from mindspeed_rl_ext.recipes.quickstart.workspace import Workspace

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


def check_figures(work: Workspace) -> list[Check]:
    """The checks of a finished run.

    Args:
        work: the output directory, with `evaluation/before.json` and `after.json` in it.
    """
    before = work.read("evaluation/before.json")
    after = work.read("evaluation/after.json")
    gain = after["accuracy"] - before["accuracy"]
    checks = [
        Check("gain in held-out accuracy", gain, f">= {MIN_GAIN}", gain >= MIN_GAIN),
        Check("format after", after["format"], f">= {MIN_FORMAT}", after["format"] >= MIN_FORMAT),
    ]
    if work.options.control:
        gain = work.read("evaluation/control.json")["accuracy"] - before["accuracy"]
        expected = f"<= {MAX_CONTROL_GAIN}"
        checks.append(Check("gain of the control", gain, expected, gain <= MAX_CONTROL_GAIN))
    return checks
