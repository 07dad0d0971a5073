"""Python, our installation, libraries that do not go together.

Covers: versions, without importing anything. Does not cover: devices and drivers (`npu`), the
activation (`activation`), what libraries read at start-up (`services`).
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import At, Finding, Place, at
from mindspeed_rl_ext.doctor.readers.environment import Environment
from mindspeed_rl_ext.doctor.rulebook import check, rule
from mindspeed_rl_ext.verifiers.pool.symbolic import ANTLR, ANTLR_SERVED
from mindspeed_rl_ext.version import __version__

PACKAGES = Place("installed packages")
OLDEST_PYTHON = (3, 10)
RAY_RUNS_WITH_CLICK_8_5 = (2, 60)
SHOWN = ("torch", "torch-npu", "transformers", "numpy", "ray", "trl", "vllm")


PYTHON_TOO_OLD = rule(
    "python-too-old",
    "error",
    on=Environment,
    en=("Python {version} is too old", "use Python 3.10 or newer"),
    zh=("Python {version} 太旧", "使用 Python 3.10 或更新版本"),
)
PYTHON_VERSION = rule(
    "python-version", "ok", on=Environment, en=("Python {version}",), zh=("Python {version}",)
)


@check(Environment)
def python_version(found: Environment) -> Iterator[Finding]:
    """The engines run on Python 3.10 or newer."""
    old = found.python[:2] < OLDEST_PYTHON
    text = ".".join(map(str, found.python))
    yield (PYTHON_TOO_OLD if old else PYTHON_VERSION).at(Place("interpreter"), version=text)


INSTALLATION_MISSING = rule(
    "installation-missing",
    "warning",
    on=Environment,
    en=(
        "mindspeed-rl-ext {version} runs from a folder, without being installed",
        "pip install mindspeed-rl-ext, or pip install -e . in the checkout: only then "
        "are hosts adapted by themselves",
    ),
    zh=(
        "mindspeed-rl-ext {version} 直接从目录运行，没有安装",
        "pip install mindspeed-rl-ext，或在源码目录 pip install -e .：装了之后宿主才会自动适配",
    ),
)
INSTALLATION_FOUND = rule(
    "installation-found",
    "ok",
    on=Environment,
    en=("mindspeed-rl-ext {version}, {mode}",),
    zh=("mindspeed-rl-ext {version}，{mode}",),
)
INSTALLATION_TWICE = rule(
    "installation-twice",
    "warning",
    on=Environment,
    en=(
        "mindspeed-rl-ext is installed {count} times",
        "uninstall all but one: pip uninstall mindspeed-rl-ext",
    ),
    zh=("mindspeed-rl-ext 装了 {count} 份", "只留一份：pip uninstall mindspeed-rl-ext"),
)
INSTALLATION_STALE = rule(
    "installation-stale",
    "warning",
    on=Environment,
    en=("the code is version {code}, the installation says {installed}", "install again"),
    zh=("代码是 {code} 版，安装记录是 {installed} 版", "重新安装"),
)


@check(Environment)
def our_installation(found: Environment) -> Iterator[Finding]:
    """This package is installed once, and what is imported is what is installed."""
    if not found.ours:
        yield INSTALLATION_MISSING.at(PACKAGES, version=__version__)
    for one in found.ours:
        yield INSTALLATION_FOUND.at(Place(one.place), version=one.version, mode=one.mode)
    if len(found.ours) > 1:
        places = ", ".join(one.place for one in found.ours)
        yield INSTALLATION_TWICE.at(Place(places), count=len(found.ours))
    if found.ours and found.ours[0].version != __version__:
        values = {"code": __version__, "installed": found.ours[0].version}
        yield INSTALLATION_STALE.at(Place(found.ours[0].place), **values)


LIBRARIES_INSTALLED = rule(
    "libraries-installed", "note", on=Environment, en=("{there}",), zh=("{there}",)
)
LIBRARIES_ABSENT = rule(
    "libraries-absent",
    "note",
    on=Environment,
    en=("not installed: {absent}",),
    zh=("没有安装：{absent}",),
)


@check(Environment)
def library_versions(found: Environment) -> Iterator[Finding]:
    """Which of the large libraries are there."""
    there = [f"{name} {found.versions[name]}" for name in SHOWN if name in found.versions]
    absent = [name for name in SHOWN if name not in found.versions]
    if there:
        yield LIBRARIES_INSTALLED.at(PACKAGES, there=", ".join(there))
    if absent:
        yield LIBRARIES_ABSENT.at(PACKAGES, absent=", ".join(absent))


MATH_VERIFY_ABSENT = rule(
    "math-verify-absent",
    "note",
    on=Environment,
    en=(
        "math-verify is not installed: answers that need it count as UNPARSEABLE",
        'pip install "mindspeed-rl-ext[verify]"',
    ),
    zh=(
        "没有 math-verify：需要它才能判定的答案记为 UNPARSEABLE",
        'pip install "mindspeed-rl-ext[verify]"',
    ),
)
MATH_VERIFY_TOO_OLD = rule(
    "math-verify-too-old",
    "warning",
    on=Environment,
    en=(
        "math-verify {version} is older than 0.8",
        'pip install "mindspeed-rl-ext[verify]"',
    ),
    zh=("math-verify {version} 早于 0.8", 'pip install "mindspeed-rl-ext[verify]"'),
)
MATH_VERIFY_HELD_BACK = rule(
    "math-verify-held-back",
    "note",
    on=Environment,
    en=("latex2sympy2 {version} may hold math-verify back: it pins antlr",),
    zh=("math-verify 可能被 latex2sympy2 {version} 拖住：它固定了 antlr",),
)


@check(Environment)
def math_verify(found: Environment) -> Iterator[Finding]:
    """math-verify decides what our own arithmetic cannot; its API changed at 0.8."""
    version = found.version("math-verify")
    if version is None:
        yield MATH_VERIFY_ABSENT.at(PACKAGES)
    elif version < (0, 8):
        yield MATH_VERIFY_TOO_OLD.at(PACKAGES, version=found.versions["math-verify"])
        if "latex2sympy2" in found.versions:
            yield MATH_VERIFY_HELD_BACK.at(PACKAGES, version=found.versions["latex2sympy2"])


@rule(
    "math-verify-without-antlr",
    "warning",
    on=Environment,
    en=(
        "math-verify {version} does not run with antlr4-python3-runtime {antlr}: answers that "
        "need it count as UNPARSEABLE",
        'pip install "antlr4-python3-runtime==4.9.3"; hydra and latex2sympy2 run with it too',
    ),
    zh=(
        "math-verify {version} 不能与 antlr4-python3-runtime {antlr} 一起用：需要它才能判定的答案"
        "记为 UNPARSEABLE",
        'pip install "antlr4-python3-runtime==4.9.3"；hydra 与 latex2sympy2 用它也能运行',
    ),
)
def antlr_of_math_verify(found: Environment) -> Iterator[At]:
    """math-verify has grammars for some versions of antlr, and is not importable with others."""
    version, installed = found.versions.get("math-verify"), found.versions.get(ANTLR)
    if version and installed and not installed.startswith(ANTLR_SERVED):
        yield at(PACKAGES, version=version, antlr=installed)


@rule(
    "antlr-too-new-for-hydra",
    "warning",
    on=Environment,
    en=(
        "antlr4-python3-runtime {version} beside {users}, which need 4.9",
        'pip install "antlr4-python3-runtime==4.9.3"',
    ),
    zh=(
        "antlr4-python3-runtime {version} 与需要 4.9 的 {users} 并存",
        'pip install "antlr4-python3-runtime==4.9.3"',
    ),
)
def antlr(found: Environment) -> Iterator[At]:
    """hydra and omegaconf read their grammars only with antlr 4.9."""
    version = found.version(ANTLR)
    users = [name for name in ("hydra-core", "omegaconf") if name in found.versions]
    if version is not None and users and version[:2] != (4, 9):
        yield at(PACKAGES, version=found.versions[ANTLR], users=" and ".join(users))


@rule(
    "antlr-too-new-for-latex2sympy2",
    "error",
    on=Environment,
    en=(
        "antlr4-python3-runtime {version} beside latex2sympy2 {user}, which the host's own "
        "verifiers import: the import fails",
        'pip install "antlr4-python3-runtime==4.9.3"; math-verify and hydra run with it too',
    ),
    zh=(
        "antlr4-python3-runtime {version} 与宿主打分器导入的 latex2sympy2 {user} 并存：导入会失败",
        'pip install "antlr4-python3-runtime==4.9.3"；math-verify 与 hydra 用它也能运行',
    ),
)
def antlr_of_latex2sympy2(found: Environment) -> Iterator[At]:
    """latex2sympy2 was made with antlr 4.7; 4.9 still reads its grammar, 4.10 and later do not."""
    version = found.version(ANTLR)
    if version is not None and version[:2] > (4, 9) and "latex2sympy2" in found.versions:
        user = found.versions["latex2sympy2"]
        yield at(PACKAGES, version=found.versions[ANTLR], user=user)


@rule(
    "bitsandbytes-beside-torch-npu",
    "error",
    on=Environment,
    en=(
        "bitsandbytes {version} beside torch_npu: importing it fails in "
        "get_device_capability, and with it loading a model",
        "pip uninstall bitsandbytes",
    ),
    zh=(
        "bitsandbytes {version} 与 torch_npu 并存：导入时 get_device_capability 报 "
        "TypeError，转换或加载模型随之失败",
        "pip uninstall bitsandbytes",
    ),
)
def bitsandbytes(found: Environment) -> Iterator[At]:
    """bitsandbytes asks CUDA for its capability at import, which torch_npu answers wrongly."""
    if "bitsandbytes" in found.versions and "torch-npu" in found.versions:
        yield at(PACKAGES, version=found.versions["bitsandbytes"])


@rule(
    "click-breaks-ray",
    "warning",
    on=Environment,
    en=(
        "click {click} beside ray {ray}: the ray command may fail (ray issue 56747)",
        'pip install "click<8.3" where `ray --version` fails',
    ),
    zh=(
        "click {click} 与 ray {ray} 并存：ray 命令可能启动失败（ray issue 56747）",
        '若 `ray --version` 失败：pip install "click<8.3"',
    ),
)
def click_and_ray(found: Environment) -> Iterator[At]:
    """The ray command of older versions does not start with click 8.3 or newer."""
    click, ray = found.version("click"), found.version("ray")
    if click is not None and ray is not None and click >= (8, 3) and ray < RAY_RUNS_WITH_CLICK_8_5:
        yield at(PACKAGES, click=found.versions["click"], ray=found.versions["ray"])


@rule(
    "two-hosts-in-one-environment",
    "warning",
    on=Environment,
    en=(
        "{hosts} are importable in one environment",
        "give each host an environment of its own, or take one off PYTHONPATH",
    ),
    zh=("同一环境里可以导入 {hosts}", "每个宿主单独一个环境，或从 PYTHONPATH 去掉一个"),
)
def two_hosts(found: Environment) -> Iterator[At]:
    """MindSpeed-LLM and MindSpeed-RL pin different libraries and patch the same Megatron."""
    if len(found.hosts) > 1:
        places = ", ".join(f"{name}: {', '.join(p)}" for name, p in found.hosts.items())
        yield at(Place(places), hosts=", ".join(found.hosts))
