"""Hooks of mkdocs: what the site has beside the pages under docs.

Covers: the navigation, one tab for each language, in the order of ORDER and with each page's own
title; the API reference, whose pages hold nothing but the names of modules, so that docstrings are
its one source; pages of the repository that lie outside docs and are linked from inside.
Does not cover: the look; mkdocs.yml holds that.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = {"en": "English", "zh": "中文"}
# Groups of pages, by their titles in both languages; a page that is in none comes last.
ORDER = {
    ("Begin", "入门"): ("tutorial", "first_day", "notes_to_commands", "faq"),
    ("Hosts", "宿主"): (
        "hosts", "trl", "hosts_rl_22", "hosts_rl_20", "hosts_llm_master", "hosts_llm_22",
        "hosts_llm_20", "hosts_llm_feb25", "hosts_verl",
    ),
    ("Parts", "各部分"): (
        "verifiers", "your_own_verifier", "data", "checkpoints", "checkpoint_formats",
        "checkpoint_evidence", "recipes", "algorithms", "evaluate", "doctor", "report",
    ),
    ("Reference", "参考"): (
        "reference/commands", "reference/options", "reference/recipes", "reference/models",
        "reference/hosts",
    ),
}  # fmt: skip
MORE = ("More", "其他")
# The API pages: title in both languages, and the modules that are shown.
API = {
    "verifiers": (("Verifiers", "打分器"), ("mindspeed_rl_ext.verifiers",)),
    "algorithms": (("Algorithms", "算法"), ("mindspeed_rl_ext.algorithms",)),
    "integrations": (
        ("TRL, verl, Ray, vLLM", "TRL、verl、Ray、vLLM"),
        ("mindspeed_rl_ext.integrations.trl", "mindspeed_rl_ext.integrations.packed_prompts",
         "mindspeed_rl_ext.integrations.verl", "mindspeed_rl_ext.integrations.ray",
         "mindspeed_rl_ext.integrations.vllm"),
    ),
    "preprocess": (
        ("Preprocess", "数据预处理"),
        ("mindspeed_rl_ext.preprocess.run", "mindspeed_rl_ext.preprocess.options",
         "mindspeed_rl_ext.preprocess.packing.packed"),
    ),
    "checkpoint": (
        ("Checkpoints", "检查点"),
        ("mindspeed_rl_ext.checkpoint.convert", "mindspeed_rl_ext.checkpoint.options",
         "mindspeed_rl_ext.checkpoint.verify"),
    ),
    "core": (
        ("Errors, options, rules, rollouts", "错误、选项、规则、rollout"),
        ("mindspeed_rl_ext.core.errors", "mindspeed_rl_ext.core.options",
         "mindspeed_rl_ext.core.rules", "mindspeed_rl_ext.core.responses.rollouts"),
    ),
}  # fmt: skip
API_FIRST = """# API

Written from the docstrings of the package: what users and plugins call.
由代码的 docstring 生成：用户和插件调用的函数与类；原文为英文。

"""
LINK = re.compile(r"(\]\()(?!https?:|mailto:)([^)#\s]+\.md)(#[^)\s]*)?\)")


def on_config(config: Any) -> Any:
    """Sets the navigation."""
    config.nav = [{name: _tab(language)} for language, name in LANGUAGES.items()]
    contract = sorted((ROOT / "docs" / "contract").glob("*.md"))
    api = [{" · ".join(titles): f"api/{name}.md"} for name, (titles, _) in API.items()]
    config.nav.append({"API": ["api/index.md", *api]})
    config.nav.append({"Contract": [f"contract/{page.name}" for page in contract]})
    return config


def _tab(language: str) -> list[Any]:
    at = list(LANGUAGES).index(language)
    known = {page for pages in ORDER.values() for page in pages} | {"index"}
    folder = ROOT / "docs" / language
    found = {page.relative_to(folder).with_suffix("").as_posix() for page in folder.rglob("*.md")}
    if known - found:
        raise ValueError(f"{folder} lacks {sorted(known - found)}, which ORDER of {__file__} names")
    tab: list[Any] = [f"{language}/index.md"]
    for titles, pages in ORDER.items():
        tab.append({titles[at]: [f"{language}/{page}.md" for page in pages]})
    if found - known:
        tab.append({MORE[at]: [f"{language}/{page}.md" for page in sorted(found - known)]})
    return tab


def on_files(files: Files, *, config: Any) -> Files:
    """Adds the first page, the API pages and the linked pages of the repository."""
    pages = {"index.md": "# mindspeed-rl-ext\n\n[English](en/index.md) · [中文](zh/index.md)\n"}
    pages["api/index.md"] = API_FIRST
    for name, (titles, modules) in API.items():
        shown = "\n\n".join(f"::: {module}" for module in modules)
        pages[f"api/{name}.md"] = f"# {' · '.join(titles)}\n\n{shown}\n"
        pages["api/index.md"] += f"- [{' · '.join(titles)}]({name}.md): `{'`, `'.join(modules)}`\n"
    for path in _linked_outside():
        pages[f"repository/{path}"] = (ROOT / path).read_text(encoding="utf-8")
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def _linked_outside() -> set[PurePosixPath]:
    """Pages of the repository outside docs to which a page of the site has a link."""
    found: set[PurePosixPath] = set()
    pages = list((ROOT / "docs").rglob("*.md"))
    while pages:
        page = pages.pop()
        for link in LINK.finditer(page.read_text(encoding="utf-8")):
            target = (page.parent / link[2]).resolve()
            inner = PurePosixPath(target.relative_to(ROOT))
            if inner.parts[0] != "docs" and inner not in found:
                found.add(inner)
                pages.append(target)
    return found


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Turns links to where the site has their pages: `on_files` put some into it."""
    inner = page.file.src_uri
    outside = inner.startswith("repository/")
    here = ROOT / (inner.removeprefix("repository/") if outside else f"docs/{inner}")
    up = "../" * inner.count("/")

    def turned(link: re.Match[str]) -> str:
        target = (here.parent / link[2]).resolve()
        path = target.relative_to(ROOT).as_posix()
        path = path.removeprefix("docs/") if path.startswith("docs/") else f"repository/{path}"
        return f"{link[1]}{up}{path}{link[3] or ''})"

    return LINK.sub(turned, markdown)
