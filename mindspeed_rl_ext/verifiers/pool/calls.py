"""A user's verifier inside a worker.

Covers: importing the module that registers it, calling it by name, its verdict as JSON values.
Does not cover: whether a verifier asks for this; its declaration says so (`isolated=True`).
"""

from __future__ import annotations

import base64
import os
import pickle
import sys
from importlib import import_module
from typing import Any

from mindspeed_rl_ext.verifiers.registry import verifier_named
from mindspeed_rl_ext.verifiers.running.here import score_here


def call(module: str, name: str, pickled: str, paths: list[str]) -> dict[str, Any]:
    """Scores one response.

    Args:
        module: whose import registers the verifier.
        name: the verifier's name.
        pickled: base64 of (response, columns, parameters), made by the caller of the pool.
        paths: the caller's import path, which may have grown since the helper began.
    """
    sys.path[:] = paths
    import_module(module)
    response, columns, parameters = pickle.loads(base64.b64decode(pickled))
    verdict = score_here(verifier_named(name), parameters, response, columns)
    return {
        "outcome": verdict.outcome.value,
        "score": verdict.score,
        "reason": verdict.reason,
        "stage": verdict.stage,
    }


def pack_call(
    module: str, name: str, response: str, columns: dict[str, Any], parameters: dict[str, Any]
) -> dict[str, Any]:
    """The payload of such a task."""
    pickled = base64.b64encode(pickle.dumps((response, columns, parameters))).decode("ascii")
    paths = [os.path.abspath(folder) for folder in sys.path]
    return {"module": module, "name": name, "pickled": pickled, "paths": paths}
