"""Each check of the environment: what it finds, and that it is silent where nothing is wrong."""

from __future__ import annotations

import pytest

from mindspeed_rl_ext.doctor.readers.environment import Environment, Installed, read_environment
from mindspeed_rl_ext.doctor.rules.environment import libraries
from mindspeed_rl_ext.version import __version__


def around(python=(3, 11, 7), ours=(), hosts=None, **versions):
    named = {name.replace("_", "-"): version for name, version in versions.items()}
    return Environment(python, named, tuple(ours), hosts=hosts or {})


def troubles(check, surroundings):
    return [f for f in check(surroundings) if f.level in ("error", "warning")]


@pytest.mark.parametrize(("python", "errors"), [((3, 9, 18), 1), ((3, 10, 0), 0), ((3, 13, 0), 0)])
def test_python_before_3_10_is_an_error(python, errors):
    found = troubles(libraries.python_version, around(python))
    assert [f.level for f in found] == ["error"] * errors


@pytest.mark.parametrize(
    ("versions", "level"),
    [
        ({"bitsandbytes": "0.43.0", "torch_npu": "2.5.1"}, "error"),
        ({"bitsandbytes": "0.43.0"}, None),
        ({"torch_npu": "2.5.1"}, None),
    ],
)
def test_bitsandbytes_beside_torch_npu_is_an_error(versions, level):
    found = troubles(libraries.bitsandbytes, around(**versions))
    assert [f.level for f in found] == ([level] if level else [])
    assert all("pip uninstall bitsandbytes" in f.remedy for f in found)


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ({"click": "8.3.0", "ray": "2.54.0"}, True),
        ({"click": "8.10.1", "ray": "2.54.0"}, True),  # by number, not by text
        ({"click": "8.2.1", "ray": "2.54.0"}, False),
        ({"click": "8.5.1", "ray": "2.60.0"}, False),  # ran
        ({"click": "8.3.0"}, False),
        ({"ray": "2.54.0"}, False),
    ],
)
def test_a_click_that_breaks_the_ray_command_is_found(versions, expected):
    assert bool(troubles(libraries.click_and_ray, around(**versions))) == expected


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ({"math_verify": "0.8.0"}, False),
        ({"math_verify": "0.10.0"}, False),
        ({"math_verify": "0.7.0"}, True),
        ({"math_verify": "0.1.0", "latex2sympy2": "1.9.1"}, True),
        ({}, False),
    ],
)
def test_math_verify_before_0_8_is_found(versions, expected):
    found = [*libraries.math_verify(around(**versions))]
    assert bool(troubles(libraries.math_verify, around(**versions))) == expected
    assert any("latex2sympy2" in f.cause for f in found) == ("latex2sympy2" in versions)


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ({"antlr4_python3_runtime": "4.13.2", "hydra_core": "1.3.2"}, True),
        ({"antlr4_python3_runtime": "4.9.3", "omegaconf": "2.3.0"}, False),
        ({"antlr4_python3_runtime": "4.13.2"}, False),
    ],
)
def test_an_antlr_that_hydra_cannot_use_is_found(versions, expected):
    assert bool(troubles(libraries.antlr, around(**versions))) == expected


@pytest.mark.parametrize(
    ("antlr", "serves_math_verify", "serves_latex2sympy2"),
    [
        ("4.7.2", False, True),
        ("4.9.2", False, True),
        ("4.9.3", True, True),
        ("4.10", False, False),
        ("4.11.1", True, False),
        ("4.13.1", False, False),
        ("4.13.2", True, False),
    ],
)
def test_only_antlr_4_9_3_serves_both_math_verify_and_latex2sympy2(
    antlr, serves_math_verify, serves_latex2sympy2
):
    found = around(antlr4_python3_runtime=antlr, math_verify="0.9.0", latex2sympy2="1.5.4")
    assert bool(troubles(libraries.antlr_of_math_verify, found)) != serves_math_verify
    assert bool(troubles(libraries.antlr_of_latex2sympy2, found)) != serves_latex2sympy2


def test_two_hosts_in_one_environment_are_found_with_their_places():
    hosts = {"mindspeed_llm": ("/a/mindspeed_llm",), "mindspeed_rl": ("/b/mindspeed_rl",)}
    [found] = troubles(libraries.two_hosts, around(hosts=hosts))
    assert "/a/mindspeed_llm" in found.place
    assert "/b/mindspeed_rl" in found.place
    assert not troubles(libraries.two_hosts, around(hosts=dict([hosts.popitem()])))


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        ([], ["without being installed"]),
        ([Installed(__version__, "wheel", "/site")], []),
        ([Installed("0.0.9", "wheel", "/site")], ["the installation says 0.0.9"]),
        (
            [Installed(__version__, "wheel", "/a"), Installed(__version__, "wheel", "/b")],
            ["installed 2 times"],
        ),
    ],
)
def test_our_own_installation_is_judged(ours, words):
    found = troubles(libraries.our_installation, around(ours=ours))
    assert len(found) == len(words)
    assert all(word in f.cause for word, f in zip(words, found, strict=True))


def test_gathering_imports_no_heavy_library():
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from mindspeed_rl_ext.doctor.readers.environment import read_environment\n"
        "from mindspeed_rl_ext.doctor.rulebook import load_rules\n"
        "list(load_rules().examine(read_environment()))\n"
        "heavy = {'torch', 'transformers', 'numpy', 'sympy', 'ray', 'trl'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_gathering_reads_this_interpreter():
    import sys

    found = read_environment()
    assert found.python == sys.version_info[:3]
    assert "pytest" in found.versions
    assert all(folder.is_dir() for folder in found.site_folders)
