"""The documentation as a site: it builds without a warning, offline, in both languages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="pip install '.[docs]'")
pytest.importorskip("mkdocstrings")

# No proxy can be reached: what asks for one while it builds, fails.
NO_NETWORK = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "all_proxy")}
FETCHED = re.compile(r"<(?:link|script|img)[^>]+(?:href|src)=\"?(https?:[^\"> ]+)")


@pytest.fixture(scope="module")
def site(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    # Strict: a link or a heading that is not there, a module that cannot be shown, is an error.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, **NO_NETWORK, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=repo_root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_of_both_languages_is_in_the_site(site, repo_root):
    pages = (page.relative_to(repo_root / "docs") for page in (repo_root / "docs").rglob("*.md"))
    # mkdocs makes an index of a README.
    names = {str(page.with_suffix(".html")).replace("README", "index") for page in pages}
    assert {name for name in names if not (site / name).is_file()} == set()
    assert {name for name in names if name.startswith("zh/")}


def test_the_api_pages_hold_the_docstrings_with_their_examples(site):
    text = (site / "api" / "verifiers.html").read_text(encoding="utf-8")
    plain = re.sub(r"<[^>]+>", "", text)
    for name in ("score", "verifier", "Verdict", "equivalent"):
        assert f'id="mindspeed_rl_ext.verifiers.{name}"' in text, name
    assert "reward functions chosen by name" in plain
    assert "Examples:" in plain
    assert "Example:" not in plain


def test_a_page_fetches_nothing_from_elsewhere(site):
    found = {
        (str(page.relative_to(site)), url)
        for page in site.rglob("*.html")
        for url in FETCHED.findall(page.read_text(encoding="utf-8"))
    }
    assert found == set()
