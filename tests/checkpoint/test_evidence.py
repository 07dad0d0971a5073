"""What the documentation says is proven names tests that are there, for every family."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.formats import find_format, format_names
from mindspeed_rl_ext.checkpoint.models import models

_spec = importlib.util.spec_from_file_location("evidence", Path(__file__).with_name("evidence.py"))
evidence = sys.modules["evidence"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(evidence)
FAMILIES = sorted({models().get(name).name for name in models()})


@pytest.mark.parametrize("proof", evidence.PROOFS, ids=lambda proof: proof.test)
def test_the_test_is_there_and_so_are_its_families(proof):
    file, _, name = proof.test.partition("::")
    source = ast.parse((evidence.HERE / file).read_text("utf-8"))
    assert name in {node.name for node in source.body if isinstance(node, ast.FunctionDef)}
    found = evidence.families_of(proof)
    assert found
    assert set(found) <= set(FAMILIES)
    assert set(proof.directions) <= set(evidence.DIRECTIONS)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_proven_there_and_back_in_both_formats_of_megatron(family):
    for direction in (evidence.THERE, evidence.BACK, evidence.TO_DIST, evidence.FROM_DIST):
        kinds = {proof.kind for proof in evidence.proofs_of(family, direction)}
        assert kinds, f"nothing proves {direction} of {family}"
        if direction == evidence.THERE:
            assert kinds - {"source's bytes"}, "a round trip alone proves nothing"


def test_every_format_has_its_directions():
    read = {direction.partition(" -> ")[0] for direction in evidence.DIRECTIONS}
    assert {name for names in read for name in names.split(", ")} == set(format_names())
    written = {direction.partition(" -> ")[2] for direction in evidence.DIRECTIONS}
    assert written == {name for name in format_names() if find_format(name).writer}
