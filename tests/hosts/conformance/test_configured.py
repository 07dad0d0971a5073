"""Names in one line the host checkouts that could be set; README.md has the variables."""

from __future__ import annotations

import os

import pytest

from mindspeed_rl_ext.hosts.catalog import load_adapters

VARIABLES = [f"MSRL_EXT_HOST_{a.checkouts[0].folder.upper()}" for a in load_adapters()]


def test_host_checkouts_are_named():
    if not any(os.environ.get(name) for name in ["MSRL_EXT_HOSTS", *VARIABLES]):
        pytest.skip("no host checkout: set MSRL_EXT_HOSTS, or " + ", ".join(VARIABLES))
