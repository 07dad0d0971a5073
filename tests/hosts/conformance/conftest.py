"""Real host checkouts named by variables, and a Python with the plugin installed beside them.

README.md has the table of variables. Without any, one test names them and the doubles stand alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mindspeed_rl_ext.hosts.adapter import Adapter, Behaviour
from mindspeed_rl_ext.hosts.catalog import load_adapters

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PREFIX = "MSRL_EXT_HOST_"


@dataclass(frozen=True)
class Line:
    """One host line as these checks see it; all of it is in its file under hosts/lines."""

    adapter: Adapter
    number: int

    @property
    def name(self) -> str:
        """Such as RL_22: the suffix of its variable."""
        return self.adapter.checkouts[0].folder.upper()

    @property
    def is_rl(self) -> bool:
        return self.adapter.package == "mindspeed_rl"

    @property
    def behaviour(self) -> Behaviour:
        return self.adapter.behaviour

    @property
    def has_verifiers(self) -> bool:
        return "verifiers" in self.adapter.evidence

    @property
    def has_converter(self) -> bool:
        return "converter" in self.adapter.evidence

    @property
    def touched(self) -> str:
        """A file of the host that a point wraps and that differs between most lines."""
        return (
            "mindspeed_rl/models/rule_verifier.py"
            if self.is_rl
            else ("mindspeed_llm/training/arguments.py")
        )

    @property
    def variables(self) -> list[str]:
        return [PREFIX + one.folder.upper() for one in self.adapter.checkouts]

    def paths(self) -> list[Path | None]:
        """The checkouts, in the order of PYTHONPATH."""
        return [checkout(name) for name in self.variables]


MINDSPEED = ("mindspeed_llm", "mindspeed_rl")
LINES = tuple(
    Line(adapter, number)
    for number, adapter in enumerate(one for one in load_adapters() if one.package in MINDSPEED)
)


def checkout(variable: str) -> Path | None:
    """Where a checkout is: its own variable, or its name in the folder MSRL_EXT_HOSTS."""
    if os.environ.get(variable):
        return Path(os.environ[variable])
    if os.environ.get("MSRL_EXT_HOSTS"):
        found = Path(os.environ["MSRL_EXT_HOSTS"], variable.removeprefix(PREFIX).lower())
        return found if found.is_dir() else None
    return None


CONFIGURED = tuple(line for line in LINES if checkout(PREFIX + line.name))
if not CONFIGURED:
    collect_ignore_glob = ["test_in_*.py"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    kinds = {"line": CONFIGURED,
             "rl_line": [line for line in CONFIGURED if line.is_rl],
             "llm_line": [line for line in CONFIGURED if not line.is_rl]}  # fmt: skip
    for name, lines in kinds.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, lines, ids=lambda line: line.name, scope="session")


def site_packages(home: Path) -> Path:
    return next(home.glob("lib/python*/site-packages"))


def make_home(home: Path, *, beside: str = "") -> Path:
    """This environment's libraries (what their .pth files do left out) and the stand-ins."""
    venv.create(home, symlinks=True)
    lines = [sysconfig.get_path("purelib"), str(HERE / "stand_ins"), beside]
    (site_packages(home) / "a_host_libraries.pth").write_text(
        "\n".join(lines) + "\nimport host_stand_ins; host_stand_ins.install()\n"
    )
    third_party = site_packages(home) / "conformance_probe-1.0.dist-info"
    third_party.mkdir()
    (third_party / "METADATA").write_text("Metadata-Version: 2.1\nName: conformance-probe\n")
    (third_party / "entry_points.txt").write_text(
        "[mindspeed_rl_ext.verifiers]\nconformance_probe = conformance_probe\n"
    )
    return home / "bin" / "python"


@pytest.fixture(scope="session")
def host_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python in which pip installed the plugin: a wheel, or `-e` by the variable."""
    python = make_home(tmp_path_factory.mktemp("host_python"))
    editable = os.environ.get(PREFIX + "INSTALL") == "editable"
    words = ["--editable", str(ROOT)] if editable else [str(ROOT)]
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps"]
    done = subprocess.run(
        [*pip, "--no-build-isolation", *words],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return python


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that could import the plugin, and has no .pth that would activate it."""
    return make_home(tmp_path_factory.mktemp("bare_python"), beside=str(ROOT))


def run_in(
    line: Line | Plain, python: Path, *words: object, cwd: Path, **env: str
) -> subprocess.CompletedProcess[str]:
    """Runs Python as a user of that host does, away from both checkouts."""
    paths = line.paths()
    missing = [v for v, path in zip(line.variables, paths, strict=True) if path is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not set")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MSRL", "PYTHON"))}
    search = os.pathsep.join(map(str, paths))
    return subprocess.run(
        list(map(str, [python, *words])),
        cwd=cwd,
        env={
            **inherited,
            "PYTHONPATH": search,
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            **env,
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture(scope="session")
def others() -> Callable[[Line], list[Line]]:
    """Other configured lines of the same host."""
    return lambda line: [one for one in CONFIGURED if one.is_rl == line.is_rl and one != line]


@dataclass(frozen=True)
class Plain:
    """A checkout that is no host, alone on the path."""

    folder: str

    @property
    def variables(self) -> list[str]:
        return [PREFIX + self.folder.upper()]

    def paths(self) -> list[Path | None]:
        return [checkout(name) for name in self.variables]


@pytest.fixture(scope="session")
def plain() -> Callable[[str], Plain]:
    """A checkout by its folder; skips where it is not there."""

    def of(folder: str) -> Plain:
        found = Plain(folder)
        if None in found.paths():
            pytest.skip(f"{found.variables[0]} not set")
        return found

    return of


@pytest.fixture
def run_host(host_python: Path, tmp_path: Path) -> Callable[..., Any]:
    """Runs Python beside a host."""
    return lambda line, *words, **env: run_in(line, host_python, *words, cwd=tmp_path, **env)


@pytest.fixture
def script(host_python: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs one of the host's own scripts."""

    def run(line: Line, name: str, *words: object, **env: str) -> Any:
        return run_in(line, host_python, line.paths()[0] / name, *words, cwd=tmp_path, **env)

    return run


@pytest.fixture(scope="session")
def check(host_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Runs a file of checks/ beside a host; gives back what it wrote as JSON."""

    def run(line: Line | Plain, name: str, job: Any, python: Path | None = None, **env: str) -> Any:
        folder = tmp_path_factory.mktemp(name)
        (folder / "job.json").write_text(json.dumps(job, default=str))
        done = run_in(
            line, python or host_python, HERE / "checks" / f"{name}.py", cwd=folder, **env
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
        return json.loads((folder / "found.json").read_text())

    return run


# Flags of a host that say the same are in test_in_load.py.
TINY = {
    "num_hidden_layers": 2, "hidden_size": 16, "vocab_size": 128, "num_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 24, "max_position_embeddings": 64,
    "rms_norm_eps": 1e-6, "rope_theta": 1e6, "tie_word_embeddings": False,
}  # fmt: skip


@pytest.fixture(scope="session")
def save_model() -> Callable[..., Any]:
    """Saves a model with random weights, biases too, by transformers."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")

    def save(folder: Path, family: str, dtype: str = "bfloat16", **sizes: Any) -> Path:
        torch.manual_seed(0)
        config = getattr(transformers, f"{family}Config")(**{**TINY, **sizes})
        model = getattr(transformers, f"{family}ForCausalLM")(config)
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.normal_(parameter.data, std=0.02)
        model.to(getattr(torch, dtype)).save_pretrained(folder)
        file = folder / "config.json"  # newer transformers call it dtype, which 2.2 does not know
        file.write_text(json.dumps({**json.loads(file.read_text()), "torch_dtype": dtype}))
        return folder

    return save


@pytest.fixture(scope="session")
def qwen2(save_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Qwen2."""
    return save_model(tmp_path_factory.mktemp("qwen2") / "hf", "Qwen2")


@pytest.fixture(scope="session")
def qwen3(save_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Qwen3, the one family that every `convert_ckpt_v2.py` converts."""
    return save_model(tmp_path_factory.mktemp("qwen3") / "hf", "Qwen3", head_dim=8)


@pytest.fixture(scope="session")
def convert(host_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    """Runs `msrl-ext convert` as it is installed beside the hosts."""
    folder = tmp_path_factory.mktemp("convert")

    def run(*words: object) -> None:
        done = subprocess.run(
            list(map(str, [host_python, "-m", "mindspeed_rl_ext.cli", "convert", *words])),
            env={"PATH": os.environ["PATH"]}, cwd=folder,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    return run


@pytest.fixture(scope="session")
def tokenizer_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level BPE tokenizer with Qwen's special tokens, trained here on the rows below."""
    tokenizers = pytest.importorskip("tokenizers")
    folder = tmp_path_factory.mktemp("tokenizer")
    model = tokenizers.Tokenizer(tokenizers.models.BPE())
    model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = tokenizers.decoders.ByteLevel()
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=specials,
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    model.train_from_iterator([text for row in ROWS for text in row.values()] * 3, trainer)
    model.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
        "model_max_length": 4096,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


ROWS = [
    {
        "question": f"Tom has {n} apples and buys {n * n} more. How many has he — 总共 {n}?",
        "answer": f"He had {n}.\nThen he bought {n * n}, so {n} + {n * n} = {n + n * n}.\n"
        f"#### {n + n * n}",
        "source": "grade-school" if n % 2 else "é\u00e9 \\boxed{}",
    }
    for n in range(2, 14)
]


@pytest.fixture(scope="session")
def rows_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows as GSM8K has them: a question, and a worked answer that ends in `#### n`."""
    file = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return file


@pytest.fixture(scope="session")
def prefix(host_python, rows_file, tokenizer_dir, tmp_path_factory):
    """Our packed files of the rows."""
    made = tmp_path_factory.mktemp("packed") / "data"
    map_keys = {"prompt": "question", "query": "", "response": "answer", "system": ""}
    done = subprocess.run(
        [
            host_python, "-m", "mindspeed_rl_ext.cli", "preprocess", "--input", rows_file,
            "--tokenizer-name-or-path", tokenizer_dir, "--output-prefix", made,
            "--map-keys", json.dumps(map_keys), "--prompt-type", "qwen_r1",
            "--dataset-additional-keys", "labels", "source", "--label-extractor", "gsm8k",
        ],
        env={"PATH": os.environ["PATH"], "HF_HUB_OFFLINE": "1"}, cwd=made.parent,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return made


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With pytest-xdist: the checks of a line in one file share what that line made."""
    for item in items if config.pluginmanager.hasplugin("xdist") else ():
        line = _line_of(item.name)
        if line and HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(f"{item.path.stem} {line}"))


_RESULTS: dict[tuple[str, str], list[str]] = {}
_REASONS: dict[str, set[str]] = {}


def _line_of(name: str) -> str | None:
    """The line in the brackets of a test's name."""
    words = name.partition("[")[2].partition("]")[0].split("-")
    return next((line.name for line in LINES if line.name in words), None)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Notes what became of each check on each line, for the table."""
    line = _line_of(report.nodeid.split("::")[-1])
    if line and "test_in_" in report.nodeid and (report.when == "call" or not report.passed):
        check = report.nodeid.split("test_in_")[1].split(".py")[0]
        _RESULTS.setdefault((line, check), []).append(report.outcome)
        if report.skipped and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            _REASONS.setdefault(reason, set()).add(line)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table: a row a host line, a column a file of checks."""
    if not _RESULTS:
        return
    checks = sorted({check for _, check in _RESULTS})
    terminalreporter.section("conformance")
    for row in [*table(checks), "", *skipped()]:
        terminalreporter.write_line(row)


def table(checks: list[str]) -> Iterator[str]:
    yield "| host | " + " | ".join(check.replace("_", " ") for check in checks) + " |"
    yield "|---" * (len(checks) + 1) + "|"
    for line in LINES:
        cells = [_cell(_RESULTS.get((line.name, check), [])) for check in checks]
        yield f"| {line.name} | " + " | ".join(cells) + " |"


def skipped() -> Iterator[str]:
    """Why checks do not apply, with the lines."""
    for reason, lines in sorted(_REASONS.items()):
        yield f"n/a: {reason} ({', '.join(sorted(lines))})"


def _cell(outcomes: list[str]) -> str:
    if not outcomes:
        return "-"
    passed, failed = outcomes.count("passed"), outcomes.count("failed")
    skipped = outcomes.count("skipped")
    counts = [f"{passed} passed" * bool(passed), f"{failed} FAILED" * bool(failed),
            f"{skipped} n/a" * bool(skipped)]  # fmt: skip
    return ", ".join(filter(None, counts))
