"""Each way to install carries package, hook, configs and scripts, and nothing else."""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
import zipfile

import pytest

from mindspeed_rl_ext.version import __version__

PTH = "mindspeed_rl_ext.pth"
TOP_LEVEL = """
import json, pkgutil, sys
print(json.dumps(sorted(m.name for m in pkgutil.iter_modules([sys.argv[1]]))))
"""


def test_a_started_python_waits_for_hosts_and_has_imported_nothing(installed):
    output = installed.run(
        "import sys, json\n"
        "print(json.dumps([[getattr(f, '__name__', '') for f in sys.meta_path],"
        " [m for m in sys.modules if m.startswith('mindspeed')]]))"
    )
    finders, modules = json.loads(output)
    assert finders.count("MsrlExtStartup") == 1
    assert modules == []
    assert not [name for name in finders if "Editable" in name]  # setuptools' finder costs 10 ms


def test_a_host_import_activates_it(installed, tmp_path):
    (tmp_path / "mindspeed_llm").mkdir()
    (tmp_path / "mindspeed_llm" / "__init__.py").write_text("")
    installed.run(
        "import mindspeed_llm, sys\n"
        "assert 'HostFinder' in [type(f).__name__ for f in sys.meta_path], sys.meta_path",
        cwd=tmp_path,
        MSRL_EXT_VERBOSE="1",
    )


def test_verl_finds_its_plugin_by_the_entry_point(installed):
    installed.run(
        "import sys\n"
        "from importlib.metadata import entry_points\n"
        "(point,) = entry_points(group='verl.plugins')\n"
        "assert point.name == 'msrl_ext', point\n"
        "assert point.load().ACTIVATION.active\n"
        "assert 'HostFinder' in [type(f).__name__ for f in sys.meta_path], sys.meta_path\n"
        "assert 'mindspeed_rl_ext.verifiers' not in sys.modules"
    )


def test_configs_and_scripts_are_found_from_any_folder(installed, tmp_path, checkout):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    output = installed.run(
        "import json\n"
        "from mindspeed_rl_ext.core.files import shipped\n"
        "assert shipped.resolve_config('runtime_env', 'envs').is_file()\n"
        "print(json.dumps({n: str(shipped.shipped_folder(n)) for n in shipped.SHIPPED_FOLDERS}))",
        cwd=elsewhere,
    )
    for name, folder in json.loads(output).items():
        if installed.way == "editable":
            assert folder == str(checkout / name)
        else:
            assert folder == str(installed.site / "mindspeed_rl_ext" / "_shipped" / name)


def test_init_copies_every_shipped_file_byte_for_byte(installed, tmp_path, checkout, succeed):
    script = installed.home / "bin" / "msrl-ext"
    assert "copied" in succeed(script, "init", tmp_path / "d", cwd=tmp_path)
    for name in ("configs", "checkpoint_tools", "preprocess"):
        for source in (checkout / name).rglob("*"):
            if source.is_file() and "__pycache__" not in source.parts:
                copy = tmp_path / "d" / source.relative_to(checkout)
                assert copy.read_bytes() == source.read_bytes()
                assert copy.stat().st_mode & 0o111 == source.stat().st_mode & 0o111


def test_only_our_package_appears_in_site_packages(installed):
    new = {
        name.split("/")[3]
        for name in installed.files() - installed.before
        if name.startswith("lib/") and name.count("/") >= 3
    }
    expected = {"mindspeed_rl_ext", PTH}
    if installed.way == "editable":
        expected = {PTH, f"__editable__.mindspeed_rl_ext-{__version__}.pth"}
    assert {name for name in new if not name.endswith(".dist-info")} == expected


def test_uninstall_leaves_nothing_behind(installed_alone):
    installed_alone.run("import mindspeed_rl_ext.cli, mindspeed_rl_ext.activation.hook")
    installed_alone.pip("uninstall", "-y", "mindspeed-rl-ext", backend=False)
    assert installed_alone.files() == installed_alone.before
    installed_alone.run("import sys; assert not [f for f in sys.meta_path if 'Msrl' in str(f)]")


def test_doctor_finds_the_installation_healthy(installed):
    output = installed.run(
        "import subprocess, sys\n"
        "done = subprocess.run([sys.executable, '-m', 'mindspeed_rl_ext.cli', 'doctor', '--json'],"
        " capture_output=True, text=True)\n"
        "assert done.returncode == 0, done.stdout + done.stderr\n"
        "print(done.stdout)"
    )
    findings = json.loads(output)
    assert not [f for f in findings if f["level"] in ("error", "warning")]
    causes = " ".join(f["cause"] for f in findings)
    assert "the activation .pth is there once" in causes
    assert "the import hook is active" in causes
    assert ("editable from" in causes) == (installed.way == "editable")


@pytest.mark.parametrize("way", ["wheel", "editable"])
def test_building_leaves_the_checkout_as_it_was(way, environment, checkout, builder, tmp_path):
    def listing():
        found = (p.relative_to(checkout) for p in checkout.rglob("*"))
        return {str(p) for p in found if "__pycache__" not in p.parts}

    before = listing()
    environment.install(*(("-e",) if way == "editable" else ()), checkout)
    assert listing() == before


def test_a_stale_build_folder_does_not_leak_into_a_wheel(checkout, builder, tmp_path, succeed):
    stale = checkout / "build" / "lib" / "mindspeed_rl_ext" / "ghost.py"
    stale.parent.mkdir(parents=True)
    stale.write_text("GHOST = True")
    try:
        code = f"from setuptools import build_meta; build_meta.build_wheel({str(tmp_path)!r})"
        succeed(sys.executable, "-c", code, cwd=checkout)
    finally:
        shutil.rmtree(checkout / "build")
    [wheel] = tmp_path.glob("*.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if "ghost" in name]


def test_the_wheel_has_every_module_and_no_test(wheel, checkout):
    names = set(zipfile.ZipFile(wheel).namelist())
    for source in (checkout / "mindspeed_rl_ext").rglob("*"):
        if source.suffix in (".py", ".md") or source.name == "py.typed":
            assert str(source.relative_to(checkout)) in names
    assert not [n for n in names if n.startswith(("tests", "benchmarks")) or n.endswith(".pyc")]
    assert "mindspeed_rl_ext/hosts/LEDGER.md" in names
    assert PTH in names


def test_the_record_of_an_editable_wheel_lists_the_hook(environment, checkout, builder):
    environment.install("-e", checkout)
    [record] = environment.site.glob("mindspeed_rl_ext-*.dist-info/RECORD")
    rows = [line for line in record.read_text().splitlines() if line.startswith(PTH + ",sha256=")]
    assert len(rows) == 1


def test_the_source_archive_has_what_building_needs(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    for needed in ("setup.py", "pyproject.toml", "LICENSE", "README.md", "configs/envs"):
        assert needed in names
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests/")]
