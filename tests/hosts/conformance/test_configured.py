"""Says in one line that no host checkout is named; README.md has the variables."""

from __future__ import annotations

import os

import pytest

NAMES = ["LLM_FEB25", "LLM_20", "LLM_21", "LLM_MASTER"]
NAMES += ["RL_20", "RL_21", "RL_22", "RL_23", "RL_MASTER"]


def test_host_checkouts_are_named():
    named = [name for name in NAMES if os.environ.get(f"MSRL_EXT_HOST_{name}")]
    if not named and not os.environ.get("MSRL_EXT_HOSTS"):
        pytest.skip(
            "no host checkout: set MSRL_EXT_HOSTS, or MSRL_EXT_HOST_ and " + ", ".join(NAMES)
        )
