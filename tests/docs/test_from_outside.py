"""One of each kind is added from outside the package and found in every place derived from it."""

from __future__ import annotations

import argparse
import importlib
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from mindspeed_rl_ext import cli
from mindspeed_rl_ext.checkpoint import models as model_files
from mindspeed_rl_ext.cli._dispatch import command_names, load_command, main, summary_of
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files import shipped
from mindspeed_rl_ext.core.options import (
    add_options,
    build_options,
    from_json,
    given_options,
    identity_of,
    read_environment,
    to_json,
)
from mindspeed_rl_ext.hosts import lines
from mindspeed_rl_ext.hosts.catalog import load_adapters
from mindspeed_rl_ext.hosts.ledger import ledger_row
from mindspeed_rl_ext.hosts.locate import probe_source
from mindspeed_rl_ext.recipes.training.recipe import files as recipe_files

Write = Callable[[str, str], Path]


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a module into a folder that is appended to the path of one of our packages."""
    before = set(sys.modules)

    def write(package, name: str, text: str) -> Path:
        folder = tmp_path / package.__name__.rpartition(".")[2]
        folder.mkdir(exist_ok=True)
        file = folder / f"{name}.py"
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        importlib.invalidate_caches()
        return file

    yield write
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def rows_with(docs, table: str, text: str, argument: str = "") -> list[str]:
    """The row of a text in both languages' table."""
    return [
        row
        for language in ("en", "zh")
        for row in docs.table(table, argument, language, "a page").splitlines()
        if text in row
    ]


COMMAND = '''
    """Counts what nobody counts."""

    from dataclasses import dataclass

    from mindspeed_rl_ext.core.options import add_options, build_options, check_options
    from mindspeed_rl_ext.core.options import given_options, option

    DESCRIPTION_ZH = "数没有人数的东西"


    @dataclass(frozen=True)
    class CountOptions:
        """What to count."""

        moons: int = option("moons to count", "要数的月亮", default=1, minimum=1, environment=True,
                            host_key="moon-count")

        def __post_init__(self):
            check_options(self)


    def add_arguments(parser):
        """Adds the flags."""
        add_options(parser, CountOptions)


    def run(args):
        """Prints the count."""
        print(build_options(CountOptions, ("flags", given_options(CountOptions, args))).moons)
        return 0
'''


def test_a_command_is_listed_run_and_documented(outside, docs, capsys):
    outside(cli, "count_moons", COMMAND)
    assert "count-moons" in command_names()
    assert summary_of("count-moons") == "Counts what nobody counts"
    assert main(["--help"]) == 0
    assert "count-moons" in capsys.readouterr().out
    assert main(["count-moons", "--moons", "7"]) == 0
    assert capsys.readouterr().out == "7\n"
    english, chinese = rows_with(docs, "commands", "msrl-ext count-moons")
    assert "Counts what nobody counts" in english
    assert "数没有人数的东西" in chinese


def test_an_option_is_a_flag_a_key_a_variable_a_check_an_identity_and_documented(outside, docs):
    outside(cli, "count_moons", COMMAND)
    kind = load_command("count-moons").CountOptions
    parser = argparse.ArgumentParser()
    add_options(parser, kind)
    assert given_options(kind, parser.parse_args(["--moons", "3"])) == {"moons": 3}
    assert read_environment(kind, {"MSRL_EXT_MOONS": "4"}) == {"moons": 4}
    assert build_options(kind, ("a.yaml", {"moons": 5})).moons == 5
    with pytest.raises(InputError, match="at least 1"):
        build_options(kind, ("a.yaml", {"moons": 0}))
    assert identity_of(kind(6)) == {"moons": 6}
    assert from_json(kind, to_json(kind(7))) == kind(7)
    english, chinese = rows_with(docs, "options", "`--moons`")
    for row in (english, chinese):
        assert "`MSRL_EXT_MOONS`" in row
        assert "`moon-count`" in row
        assert "| `1` |" in row
    assert "moons to count" in english
    assert "要数的月亮" in chinese


LINE = """
    from mindspeed_rl_ext.hosts.adapter import Adapter, Behaviour, Checkout, RUN, Versions
    from mindspeed_rl_ext.hosts.point import Expect, LedgerRow, Point

    POINT = Point(
        "mindspeed_rl.newer", "touched", (Expect("there", ("a",)),), lambda module: None,
        lambda module, error: None,
        LedgerRow("NEW-1", "`mindspeed_rl.newer.touched` is set", "no registry", "when there is"),
    )
    ADAPTER = Adapter(
        "MindSpeed-RL 9.9", "mindspeed_rl", (POINT,), Versions("9.9.0", torch="2.99.1"),
        (Checkout("rl_99", "https://example.org/rl", "9.9.0", "branch"),), {"handler": RUN},
        Behaviour(metric_prefix="new/"), page="hosts_rl_99.md",
    )
"""


def test_a_host_line_is_probed_in_the_ledger_in_conformance_and_documented(
    outside, docs, tmp_path, repo_root
):
    outside(lines, "mindspeed_rl_99", LINE)
    assert "MindSpeed-RL 9.9" in [adapter.name for adapter in load_adapters()]
    package = tmp_path / "mindspeed_rl"
    package.mkdir()
    (package / "newer.py").write_text("def there(a): ...\n")
    fitted = {str(one) for one in probe_source("mindspeed_rl", (str(package),)) if not one.misfit}
    assert fitted == {"mindspeed_rl.newer.touched: installed for MindSpeed-RL 9.9; NEW-1"}
    assert ledger_row("NEW-1").endswith("no registry; when there is")
    assert len(rows_with(docs, "host-lines", "[MindSpeed-RL 9.9](hosts_rl_99.md)")) == 2
    assert all("2.99.1" in row for row in rows_with(docs, "host-versions", "MindSpeed-RL 9.9"))
    assert all("| x |" in r for r in rows_with(docs, "host-points", "RL 9.9", "mindspeed_rl"))
    assert all("`there(a, ...)`" in row for row in rows_with(docs, "ledger", "NEW-1"))
    assert len(rows_with(docs, "conformance", "`rl_99`")) == 2
    conformance = load(repo_root / "tests" / "hosts" / "conformance" / "conftest.py")
    found = {line.name: line for line in conformance.LINES}
    assert found["RL_99"].behaviour.metric_prefix == "new/"
    assert found["RL_99"].variables == ["MSRL_EXT_HOST_RL_99"]


def test_a_verifier_is_registered_and_documented(docs, monkeypatch):
    from mindspeed_rl_ext.verifiers import registry as api

    before = set(api.registry_names())

    @api.verifier("moon_reward", levels=(2.0, 0.0), reads=("box",), judges_answer=False, zh="月亮")
    def moon_reward(response: str) -> float:
        """2 for a moon."""
        return 2.0 * ("moon" in response)

    try:
        assert set(api.registry_names()) == {*before, "moon_reward"}
        english, chinese = rows_with(docs, "verifiers", "`moon_reward`")
        assert "| 2, 0 |" in english
        assert "2 for a moon" in english
        assert "月亮" in chinese
    finally:
        api._REGISTRY._things.pop("moon_reward")


MODEL = """
    from dataclasses import replace
    from mindspeed_rl_ext.checkpoint.models.qwen2 import SPEC as QWEN2

    SPEC = replace(QWEN2, name="moonlet", model_types=("moonlet",), aliases=("moonlet1",))
"""


def test_a_model_family_is_found_by_name_alias_and_config_and_documented(outside, docs):
    outside(model_files, "moonlet", MODEL)
    assert model_files.find_model("moonlet1").name == "moonlet"
    assert model_files.model_of_config({"model_type": "moonlet"}).name == "moonlet"
    assert all("`moonlet1`" in row for row in rows_with(docs, "models", "| `moonlet` |"))


def test_a_recipe_is_listed_and_documented(docs, tmp_path, monkeypatch, capsys, repo_root):
    source = repo_root / "configs" / "recipes" / "gsm8k_grpo.yaml"
    folder = tmp_path / "recipes"
    folder.mkdir()
    text = source.read_text(encoding="utf-8").replace("name: gsm8k_grpo", "name: moons")
    (folder / "moons.yaml").write_text(text, encoding="utf-8")
    for module in (shipped, recipe_files):
        monkeypatch.setattr(module, "shipped_folder", lambda name: tmp_path)
    assert recipe_files.recipe_names() == ["moons"]
    assert main(["recipe", "list"]) == 0
    assert "moons" in capsys.readouterr().out
    assert len(rows_with(docs, "recipes", "`moons`")) == 2


def test_a_rule_of_the_doctor_is_listed_and_documented(docs, capsys):
    from mindspeed_rl_ext.core.rules import Place, at
    from mindspeed_rl_ext.doctor.rulebook import BOOK, load_rules

    class Moon:
        """What the rule looks at."""

    load_rules()
    before = list(BOOK._checks)

    @BOOK.rule("moon-absent", "error", on=Moon, en=("no moon", "wait"), zh=("没有月亮", "等待"))
    def moon_is_there(moon):
        """The moon is there."""
        yield at(Place("sky"))

    try:
        assert [finding.id for finding in BOOK.examine(Moon())] == ["moon-absent"]
        english, chinese = rows_with(docs, "doctor-rules", "`moon-absent`")
        assert "| no moon | wait |" in english
        assert "| 没有月亮 | 等待 |" in chinese
        assert main(["doctor", "--rules"]) == 0
        assert "moon-absent" in capsys.readouterr().out
    finally:
        del BOOK.rules._things["moon-absent"]
        BOOK._checks[:] = before


def load(path: Path):
    """A file as a module of its own."""
    spec = importlib.util.spec_from_file_location("a_conftest", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["a_conftest"] = module  # its dataclasses look themselves up
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules["a_conftest"]
    return module
