"""Every command and piece of code that the documentation shows does what a reader does with it."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml

pytest.importorskip("trl")

from documented.commands import SHELLS, Command, commands_of
from documented.listing import (
    commands_elsewhere,
    commands_of_page,
    documented_commands,
)
from documented.pages import Block, blocks_of, documented_pages, is_whole, marks_of
from documented.plans import NAMED, OURS, Plan, flags_of, plan_of
from reference.host_verifiers import RL_VERIFIERS

from mindspeed_rl_ext.cli._dispatch import command_names, main
from mindspeed_rl_ext.doctor.rulebook import BOOK, load_rules
from mindspeed_rl_ext.verifiers import registry, resolve

ROOT = Path(__file__).resolve().parents[2]
SLOW = os.environ.get("MSRL_EXT_SLOW") == "1"
# What the doctor finds in a reader's files is its answer; 2 is a command that did not work.
MAY_FIND = {"doctor": (0, 1), "diff": (0, 1)}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def twin_of(page: Path) -> Path | None:
    """The English page of a Chinese one."""
    if page.stem.endswith("_zh"):
        return page.with_name(page.stem.removesuffix("_zh") + page.suffix)
    parts = page.relative_to(ROOT).parts
    return ROOT.joinpath("docs", "en", *parts[2:]) if parts[:2] == ("docs", "zh") else None


PAGES = documented_pages(ROOT)
ENGLISH = [page for page in PAGES if twin_of(page) is None]
CHINESE = [page for page in PAGES if twin_of(page) is not None]


def planned(page: Path) -> list[tuple[Command, Plan | None]]:
    return [(one.command, one.plan) for one in commands_of_page(page, ROOT)]


def test_every_command_has_a_plan():
    unplanned = [one.command for one in documented_commands(ROOT) if one.plan is None]
    assert unplanned == []


def test_every_mark_belongs_to_a_command():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        texts = [command.text for command, _ in planned(page)]
        texts += [one.text for one in blocks_of(text, "") if one.language == "python"]
        for beginning in marks_of(text):
            assert any(text.startswith(beginning) for text in texts), (name_of(page), beginning)


@pytest.mark.parametrize("page", CHINESE, ids=name_of)
def test_both_languages_show_the_same_commands_and_code(page):
    """In the same order, comments apart: what runs on the English page runs on the Chinese one."""

    def shown(one: Path) -> list[tuple[str, ...]]:
        plans = (plan for command, plan in planned(one) if not command.inline)
        return [(plan.kind, *plan.words) for plan in plans if plan]

    def named(one: Path) -> set[tuple[str, ...]]:
        plans = (plan for command, plan in planned(one) if command.inline)
        return {(plan.kind, *plan.words) for plan in plans if plan and plan.kind != NAMED}

    def code(one: Path) -> list[str]:
        blocks = blocks_of(one.read_text(encoding="utf-8"), "")
        return [ast.dump(ast.parse(block.text)) for block in blocks if block.language == "python"]

    twin = twin_of(page)
    assert twin is not None
    assert shown(page) == shown(twin)
    assert named(page) == named(twin)
    assert code(page) == code(twin)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from world import build_world

    folder = tmp_path_factory.mktemp("world")
    build_world(folder, ROOT)
    return folder


@pytest.fixture
def world(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the world as the working directory; what a page registers goes with it."""
    folder = tmp_path / "world"
    shutil.copytree(made, folder, symlinks=True)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    names = set(registry.registry_names())
    # Loaded first: what a page registers is taken away again, the shipped rules are not.
    rules, checks = set(load_rules().rules), list(BOOK._checks)
    yield folder
    for name in set(BOOK.rules) - rules:
        BOOK.rules._things.pop(name)
    BOOK._checks[:] = checks
    for name in set(registry.registry_names()) - names:
        registry._REGISTRY._things.pop(name)
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.parametrize("page", ENGLISH, ids=name_of)
def test_what_a_page_shows_works_in_its_order(page, world, monkeypatch, capfd):
    """Commands and code of a page, one after the other, each with the files of those before."""
    text = page.read_text(encoding="utf-8")
    marks, whole = marks_of(text), is_whole(text)
    if whole:
        (world / "empty").mkdir()
        monkeypatch.chdir(world / "empty")
    if SLOW:
        shutil.rmtree("out", ignore_errors=True)  # the trainings of a page make it
    module = ModuleType("a_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    vars(module).update(GIVEN.get(name_of(page), dict)())
    for block in blocks_of(text, name_of(page)):
        where = f"{block.page}:{block.line}"
        for command in commands_of(block):
            plan = plan_of(command, marks, ROOT, whole=whole)
            assert plan is not None, f"nothing says how this is tested: {command}"
            run_plan(command, plan, monkeypatch, capfd)
        if block.language in CHECKS:
            CHECKS[block.language](block)
        elif block.language == "python" and not any(map(block.text.startswith, marks)):
            # The page's own code, under its own rules: none of this file's `__future__`.
            exec(compile(block.text, where, "exec", dont_inherit=True), vars(module))
        else:
            assert block.language in SHELLS | WITHOUT_CHECK | {"python"}, where


def test_what_configurations_and_help_texts_show_works(made, world, monkeypatch, capfd):
    found = [one for one in commands_elsewhere(ROOT) if one.plan is not None]
    assert len({one.command.page for one in found}) > 15  # they are still found
    if SLOW:
        shutil.rmtree("train_output")  # the trainings make it
    for number, one in enumerate({one.command.text: one for one in found}.values()):
        if one.command.page.endswith(".py"):  # examples, each of its own
            folder = world / "alone" / str(number)
            shutil.copytree(made, folder, symlinks=True)
            monkeypatch.chdir(folder)
        run_plan(one.command, one.plan, monkeypatch, capfd)


def run_plan(command: Command, plan: Plan, monkeypatch, capfd) -> None:
    words = plan.whole if SLOW and plan.whole else plan.words
    for name, value in command.variables.items():
        monkeypatch.setenv(name, value)
    if words[:1] == ("export",):
        for word in words[1:]:
            monkeypatch.setenv(*word.split("=", 1))
    elif command.body:
        Path(words[2]).write_text(command.body, encoding="utf-8")
    elif plan.kind == NAMED and words != plan.whole:
        if words[:1] == (OURS,):
            assert words[1] in command_names() or words[1].startswith("--"), command
            known = flags_of(words[1])
            assert {word for word in words[2:] if word.startswith("--")} <= set(known), command
    elif words[:1] == (OURS,):
        code = run_ours(words[1:])
        if code not in MAY_FIND.get(words[1], (0,)):
            shown = "".join(capfd.readouterr())[-2000:]
            pytest.fail(
                f"{command.page}:{command.line}: {command.text}: exit {code}\n{shown}", False
            )
    elif words:
        program = sys.executable if words[0] == "python" else words[0]
        done = subprocess.run([program, *words[1:]], capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)
    else:
        assert plan.note, command


def run_ours(words: tuple[str, ...]) -> int:
    if words[-1].startswith("python -m verl"):
        Path("documented.sh").write_text(words[-1])
        words = (*words[:-1], "documented.sh")
    try:
        return main(words)
    except SystemExit as stop:  # argparse
        return int(stop.code or 0)


def check_yaml(block: Block) -> None:
    """It reads, and the verifiers that it names are ours or the host's."""
    found = yaml.safe_load(block.text)
    assert found is not None, block
    for section in found.values():
        names = section.get("verifier_function", []) if isinstance(section, dict) else []
        for name in names:
            assert name in RL_VERIFIERS or resolve(name), (block, name)


def check_json(block: Block) -> None:
    for line in block.text.splitlines():
        json.loads(line)


def check_toml(block: Block) -> None:
    if sys.version_info >= (3, 11):
        import tomllib

        tomllib.loads(block.text)


CHECKS: dict[str, Callable[[Block], object]] = {
    "yaml": check_yaml,
    "json": check_json,
    "toml": check_toml,
}
WITHOUT_CHECK = {"inline", "mermaid", "text", ""}


def given_algorithms() -> dict[str, object]:
    """A model and a batch of its, as a training loop has them."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained("Qwen2.5-7B")
    tokenizer = AutoTokenizer.from_pretrained("Qwen2.5-7B")
    return {
        "prompts": ["1+1=", "2+2="], "responses": ["2", "4"], "model": model,
        "tokenizer": tokenizer, "advantages": torch.tensor([[1.0], [-1.0]]),
        "old": torch.zeros(2, 4),
    }  # fmt: skip


GIVEN: dict[str, Callable[[], dict[str, object]]] = {"docs/en/algorithms.md": given_algorithms}
