"""Every rule can fire: a case for each id of the registry, made as small as it can be."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from mindspeed_rl_ext.activation.pth import PTH_NAME
from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.core.rules import Finding
from mindspeed_rl_ext.doctor.readers import trl_fields
from mindspeed_rl_ext.doctor.readers.environment import Environment, Installed
from mindspeed_rl_ext.doctor.readers.launch_script import read_script
from mindspeed_rl_ext.doctor.readers.network_cards import network_of_script
from mindspeed_rl_ext.doctor.readers.packed import read_packed_files
from mindspeed_rl_ext.doctor.readers.ray_cluster import Cluster
from mindspeed_rl_ext.doctor.rulebook import load_rules
from mindspeed_rl_ext.doctor.rules.environment import activation
from mindspeed_rl_ext.hosts import identity
from mindspeed_rl_ext.hosts.adapter import Adapter, Versions
from mindspeed_rl_ext.version import __version__

BOOK = load_rules()
SEVEN, MATH = "msrl/grpo_qwen25_7b", "msrl/grpo_qwen25_math_7b"
OLD = "rlxf/grpo_qwen25_math_7b"
TINY = Path(__file__).parents[1] / "checkpoint" / "conftest.py"
DOUBLE = Path(__file__).parents[1] / "hosts" / "doubles" / "rl_22" / "mindspeed_rl"
CONFIG = {  # what Qwen2.5-7B's config.json says
    "model_type": "qwen2", "num_hidden_layers": 28, "hidden_size": 3584,
    "intermediate_size": 18944, "num_attention_heads": 28, "num_key_value_heads": 4,
    "max_position_embeddings": 131072, "rope_theta": 1000000.0, "rms_norm_eps": 1e-06,
    "tie_word_embeddings": False, "vocab_size": 152064,
}  # fmt: skip
TRL = {
    "model_name_or_path": "Qwen2.5-3B", "per_device_train_batch_size": 1,
    "gradient_accumulation_steps": 8, "num_generations": 8, "max_steps": 100, "save_steps": 100,
}  # fmt: skip
ACCELERATE = {"compute_environment": "LOCAL_MACHINE", "num_processes": 2}
SCRIPT = "NNODES=1\nNPUS_PER_NODE=16\nMASTER_ADDR=10.0.0.5\nSOCKET_IFNAME=eth0\n"
VERL = {
    "algorithm.adv_estimator": "grpo", "algorithm.use_kl_in_reward": "False",
    "data.train_files": "$DATA/train.parquet", "data.train_batch_size": "256",
    "data.max_prompt_length": "1024", "data.max_response_length": "3072",
    "data.filter_overlong_prompts": "True",
    "actor_rollout_ref.model.path": "Qwen/Qwen2.5-3B",
    "actor_rollout_ref.actor.ppo_mini_batch_size": "64",
    "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu": "8",
    "actor_rollout_ref.actor.use_dynamic_bsz": "False",
    "actor_rollout_ref.actor.use_kl_loss": "True",
    "actor_rollout_ref.rollout.n": "8",
    "actor_rollout_ref.rollout.tensor_model_parallel_size": "2",
    "trainer.n_gpus_per_node": "8", "trainer.nnodes": "1", "trainer.save_freq": "20",
}  # fmt: skip
ACTOR, ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
FUNCTION = "reward.custom_reward_function"
BY_MANAGER, NAMED = {"reward.reward_manager.name": "msrl_ext"}, "+reward.reward_kwargs.verifiers"
MEGATRON = {"--config-name": "ppo_megatron_trainer"}
ASKED, TRUTH = [{"role": "user", "content": "How many?"}], {"ground_truth": "2"}
OPENED = "<|im_start|>user\nHow many?<|im_end|>\n<|im_start|>assistant\n"
SYSTEM = "<|im_start|>system\nBe kind.<|im_end|>\n"
OURS = (Installed(__version__, "wheel", "/site"),)


@dataclass
class World:
    """What a case is made of."""

    folder: Path
    configs: Path
    spoil: Callable[..., Path]
    findings: Callable[..., list[Finding]]
    gone: object
    patch: pytest.MonkeyPatch
    request: pytest.FixtureRequest

    def changed(self, name: str, *others: Path, **options: Any) -> list[Finding]:
        """On a shipped file with changes, which `changes=` gives."""
        path = self.spoil(name, options.pop("changes", {}))
        return self.findings(path, *others, **options)

    def environment(self, python=(3, 11, 7), **known: Any) -> Iterable[Finding]:
        return BOOK.examine(Environment(python, known.pop("versions", {}), **known))

    def config_json(self, **changes: Any) -> Path:
        folder = self.folder / "hf"
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps({**CONFIG, **changes}))
        (folder / "tokenizer.json").write_text("{}")
        return folder

    def beside_model(self, **changes: Any) -> list[Finding]:
        return self.changed(SEVEN, model=self.config_json(**changes))

    def checkpoint(self, ranks: int = 4, run: Any = None, tp: int = 2, **manifest: Any):
        folder = self.folder / "checkpoint"
        for rank in ("00_000", "00_001", "01_000", "01_001")[:ranks]:
            (folder / "iter_0000001" / f"mp_rank_{rank}").mkdir(parents=True)
        sizes = {"tp": tp, "pp": 2, "ep": 1, **manifest.pop("layout", {})}
        if manifest.pop("manifest", True):
            content = {"kind": "mg", "layout": sizes, **manifest}
            (folder / "manifest.json").write_text(json.dumps(content))
        model = self.config_json() if "sha256" in manifest else None
        return self.findings(run or self.spoil(SEVEN, {}), checkpoint=folder, model=model)

    def part(self):
        """Half of the ranks of a real checkpoint."""
        spec = importlib.util.spec_from_file_location("tiny", TINY)
        tiny = sys.modules["tiny"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tiny)
        tiny.write_hf(self.folder / "tiny", tiny.Tiny())
        folder = self.folder / "part"
        convert(ConvertOptions("hf", "mg", self.folder / "tiny", folder, 2, 2, ranks="pp=1"))
        found = self.findings(self.spoil(SEVEN, {}), checkpoint=folder)
        assert not {"checkpoint-incomplete", "checkpoint-without-manifest"} & {f.id for f in found}
        return found

    def opened(self, name: str, content: bytes):
        folder = self.folder / "checkpoint"
        folder.mkdir()
        (folder / name).write_bytes(content)
        (folder / "config.json").write_text("{}")
        return self.findings(checkpoint=folder)

    def trl(self, around: Environment | None = None, accelerate: Any = None, **changes: Any):
        path = self.folder / "trl.yaml"
        path.write_text(yaml.safe_dump({**TRL, **changes}))
        other = self.folder / "accelerate.yaml"
        other.write_text(yaml.safe_dump({**ACCELERATE, **(accelerate or {})}))
        given = None if accelerate is None else other
        return self.findings(trl=path, accelerate=given, around=around)

    def accelerate(self, **changes: Any) -> list[Finding]:
        path = self.folder / "accelerate.yaml"
        path.write_text(yaml.safe_dump({**ACCELERATE, **changes}))
        return self.findings(accelerate=path)

    def script(self, old: str = "", new: str = "") -> list[Finding]:
        path = self.folder / "start.sh"
        path.write_text(SCRIPT.replace(old, new))
        script = read_script(path, 16)
        cards = {"lo": ["127.0.0.1"], "eth0": ["10.0.0.5"]}
        network = replace(network_of_script(script), cards=lambda: cards)
        return [*BOOK.examine(script), *BOOK.examine(network)]

    def runtime_env(self, changes: Any, run: Any = None) -> list[Finding]:
        env = self.spoil("envs/runtime_env", changes)
        return self.findings(self.spoil(SEVEN, run or {}), runtime_env=env)

    def verl(self, head: str = "", model: Any = None, **changes: Any) -> list[Finding]:
        """On a script for verl with changes; `None` takes an override away."""
        merged = {**VERL, **changes.pop("changes", {})}
        words = [f"{key}={value}" for key, value in merged.items() if value is not None]
        command = " \\\n    ".join(["python3 -m verl.trainer.main_ppo", *words])
        path = self.folder / "run.sh"
        path.write_text(f"set -x\n{head}\n{command} $@\n")
        config = None if model is None else self.config_json(**model)
        return self.findings(verl=str(path), model=config, **changes)

    def verl_rows(self, source: str, prompt: str, **changes: Any) -> list[Finding]:
        """On a script whose training rows are here."""
        pyarrow = pytest.importorskip("pyarrow", reason="extra [data] is not installed")
        from pyarrow import parquet

        path = self.folder / "train.parquet"
        row = {"prompt": [{"role": "user", "content": prompt}], "reward_model": TRUTH}
        row["data_source"] = source
        parquet.write_table(pyarrow.Table.from_pylist([row]), path)
        return self.verl(changes={"data.train_files": path, **changes})

    def chats(self, *rows: Any, **others: Any) -> list[Finding]:
        """On a Parquet file of chat prompts; `rows` are prompts, `others` columns."""
        pyarrow = pytest.importorskip("pyarrow", reason="extra [data] is not installed")
        from pyarrow import parquet

        table = pyarrow.Table.from_pylist(
            [{"prompt": one, "data_source": "x", "reward_model": TRUTH, **others} for one in rows]
        )
        parquet.write_table(table, self.folder / "chats.parquet")
        return self.findings(data=str(self.folder / "chats"))

    def chats_measured(self, model: str = "chat_model", verl: str | None = None) -> list[Finding]:
        """On a file beside a model, whose prompts may have two tokens."""
        self.chats(ASKED)
        path = self.request.getfixturevalue(model)
        data = str(self.folder / "chats.parquet")
        return self.findings(data=data, model=path, max_prompt_length=2, verl=verl)

    def chats_empty(self) -> list[Finding]:
        """On a file that has columns and no rows."""
        pyarrow = pytest.importorskip("pyarrow", reason="extra [data] is not installed")
        from pyarrow import parquet

        parquet.write_table(pyarrow.table({"prompt": []}), self.folder / "chats.parquet")
        return self.findings(data=str(self.folder / "chats.parquet"))

    def chats_mixed(self) -> list[Finding]:
        """On two files of a run, one with another type of reference."""
        self.chats(ASKED)
        (self.folder / "chats.parquet").rename(self.folder / "text.parquet")
        self.chats(ASKED, reward_model={"ground_truth": 2})
        paths = f"[{self.folder}/text.parquet,{self.folder}/chats.parquet]"
        return self.verl(changes={"data.train_files": paths})

    def verl_function(self, text: str, **changes: Any) -> list[Finding]:
        """On a script with a reward function of its own."""
        path = self.folder / "reward.py"
        path.write_text(text)
        return self.verl(changes={f"{FUNCTION}.path": path, **changes})

    def verl_installed(self) -> list[Finding]:
        """Beside an installed verl that has the keys of VERL but one."""
        folder = self.folder / "site" / "verl" / "trainer" / "config"
        folder.mkdir(parents=True)
        (self.folder / "site" / "verl" / "__init__.py").write_text("raise SystemExit('imported')")
        keys = [key for key in VERL if key != "trainer.save_freq"]
        table: dict[str, Any] = {}
        for key in keys:
            *outer, last = key.split(".")
            here = table
            for part in outer:
                here = here.setdefault(part, {})
            here[last] = None
        (folder / "_generated_ppo_trainer.yaml").write_text(yaml.safe_dump(table))
        self.patch.syspath_prepend(str(self.folder / "site"))
        return self.verl(around=Environment((3, 11, 7), {"verl": "0.9.1"}))

    def packed(self, *rows: Any, limit: int | None = None) -> Iterable[Finding]:
        prefix = self.request.getfixturevalue("pack")(rows)
        model = self.request.getfixturevalue("model")
        return BOOK.examine(read_packed_files(str(prefix), str(model), limit))

    def host(self, without: str = "", refuses: bool = True) -> list[Finding]:
        run = yaml.safe_load((self.configs / f"{SEVEN}.yaml").read_text())
        model = yaml.safe_load((self.configs / "model/qwen25-7b.yaml").read_text())["qwen25-7b"]
        folder = self.folder / "mindspeed_rl" / "config_cls"
        folder.mkdir(parents=True)
        then = "raise ValueError" if refuses else "print()"
        (folder / "base_config.py").write_text(f"class B:\n def update(self):\n  {then}\n")
        parts = {
            "megatron_config": {**run["megatron_training"], **run["actor_config"], **model},
            "rl_config": run["rl_config"],
            "generate_config": run["generate_config"],
        }
        for name, keys in parts.items():
            rows = [f"  self.{key} = None\n" for key in keys if key != without]
            (folder / f"{name}.py").write_text("class C:\n def __init__(self):\n" + "".join(rows))
        hosts = {"mindspeed_rl": (str(folder.parent),)}
        return self.changed(SEVEN, around=Environment((3, 11, 7), {}, hosts=hosts))

    def pth(self, copies: int, ours: Any = ()) -> Iterable[Finding]:
        folders = [self.folder / str(number) for number in range(2)]
        for number, folder in enumerate(folders):
            folder.mkdir()
            if number < copies:
                (folder / PTH_NAME).write_text("")
        return self.environment(ours=ours, site_folders=tuple(folders))

    def unhooked(self, ours: Any = ()) -> Iterable[Finding]:
        self.patch.setattr(activation, "startup_waits", lambda: False)
        self.patch.setattr(activation, "current_finder", lambda: None)
        return self.environment(ours=ours)

    def hosts(self, text: str | None = None) -> Iterable[Finding]:
        import shutil

        folder = self.folder / "mindspeed_rl"
        shutil.copytree(DOUBLE, folder)
        if text is not None:
            (folder / "models" / "rule_verifier.py").write_text(text)
        return self.environment(hosts={"mindspeed_rl": (str(folder),)})

    def host_versions(self, *copies: str) -> Iterable[Finding]:
        """Copies of a host with two versions; a copy is a version number for each of its files."""
        marks = {(file, v): f"{file} of {v}" for file in "abcd" for v in "12"}
        folders = []
        for number, versions in enumerate(copies):
            folder = self.folder / str(number) / "mindspeed_rl"
            folder.mkdir(parents=True)
            for file, v in zip("abcd", versions, strict=True):
                (folder / file).write_text(marks.get((file, v), "new"))
            folders.append(str(folder))
        lines = [
            Adapter(f"RL {v}", "mindspeed_rl", (), Versions(v), files=self.files_of(v, marks))
            for v in "12"
        ]
        self.patch.setattr(identity, "load_adapters", lambda: lines)
        known = {"mindspeed_rl": tuple(folders)}
        return self.environment(hosts={"mindspeed_rl": (folders[0],)}, copies=known)

    def files_of(self, version: str, marks: Mapping[tuple[str, str], str]) -> dict[str, str | None]:
        found = {}
        for file in "abcd":
            path = self.folder / "one"
            path.write_text(marks[file, version])
            found[f"mindspeed_rl/{file}"] = identity.file_mark(str(path))
        return found

    def host_without_converter(self) -> Iterable[Finding]:
        """A checkout of MindSpeed-LLM master: loaders, and no script that uses them."""
        folder = self.folder / "mindspeed_llm"
        (folder / "tasks" / "checkpoint").mkdir(parents=True)
        (folder / "tasks" / "checkpoint" / "__init__.py").write_text("")
        (self.folder / "setup.py").write_text("")
        return self.environment(hosts={"mindspeed_llm": (str(folder),)})

    def cann(self, torch: str, version: str | None) -> Iterable[Finding]:
        if version:
            (self.folder / "version.cfg").write_text(f"x=[{version}:{version}]\n")
        variables = {"ASCEND_TOOLKIT_HOME": str(self.folder)}
        versions = {"torch": torch, "torch-npu": "2.7.1"}
        return self.environment(versions=versions, variables=variables)

    def docker(self, text: str) -> Iterable[Finding]:
        (self.folder / "config.json").write_text(text)
        variables = {"DOCKER_CONFIG": str(self.folder)}
        return self.environment(versions={"wandb": "0.19"}, variables=variables)

    def libgomp(self) -> Iterable[Finding]:
        library = self.folder / "scikit_learn.libs" / "libgomp-d22.so.1"
        library.parent.mkdir()
        library.touch()
        known = {"versions": {"torch": "2.7.1"}, "machine": "aarch64"}
        return self.environment(site_folders=(self.folder,), **known)


@pytest.fixture
def world(tmp_path, configs, spoil, findings, gone, monkeypatch, request) -> World:
    return World(tmp_path, configs, spoil, findings, gone, monkeypatch, request)


def node(**changes: Any) -> dict[str, Any]:
    facts = {"folder": "/h", "versions": {"torch": "2"}, "paths": {"/w": "a"}, "findings": []}
    return {**facts, **changes}


def nodes(other: Any, npus: int = 32) -> Iterable[Finding]:
    return BOOK.examine(Cluster({"a": node(), "b": other}, npus, 32))


def of_node(level: str) -> dict[str, Any]:
    found = {"level": level, "place": "x", "en": ["a", "b"], "zh": ["甲", "乙"]}
    return node(findings=[found])


def absent_trl(world: World) -> list[Finding]:
    world.patch.setattr(trl_fields, "installed", lambda package: False)
    return world.trl()


def old_trl(world: World) -> list[Finding]:
    return world.trl(accelerate={"num_processes": 2})


# A safetensors file with one value.
_HEADER = b'{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'
SAFETENSORS = len(_HEADER).to_bytes(8, "little") + _HEADER + b"\0\0"
MOE = {"actor_config/num_experts": 8, "actor_config/moe_tp_extend_ep": True}
NPU = Environment((3, 11, 7), {"torch-npu": "2.7.1"})
FOUR = {"env_vars/VLLM_DP_SIZE": "4"}
EXPERTS = {**MOE, "generate_config/infer_expert_parallel_size": 8}
Case = Callable[[World], Iterable[Finding]]
CASES: dict[str, Case] = {
    # The environment.
    "python-too-old": lambda w: w.environment(python=(3, 9, 18)),
    "python-version": lambda w: w.environment(),
    "installation-missing": lambda w: w.environment(),
    "installation-found": lambda w: w.environment(ours=OURS),
    "installation-twice": lambda w: w.environment(ours=OURS * 2),
    "installation-stale": lambda w: w.environment(ours=(Installed("0.0.9", "wheel", "/s"),)),
    "libraries-installed": lambda w: w.environment(versions={"torch": "2.7.1"}),
    "libraries-absent": lambda w: w.environment(),
    "math-verify-absent": lambda w: w.environment(),
    "math-verify-too-old": lambda w: w.environment(versions={"math-verify": "0.7.0"}),
    "math-verify-held-back": lambda w: w.environment(
        versions={"math-verify": "0.7.0", "latex2sympy2": "1.9.1"}
    ),
    "antlr-too-new-for-hydra": lambda w: w.environment(
        versions={"antlr4-python3-runtime": "4.13.2", "hydra-core": "1.3.2"}
    ),
    "math-verify-without-antlr": lambda w: w.environment(
        versions={"antlr4-python3-runtime": "4.7.2", "math-verify": "0.9.0"}
    ),
    "antlr-too-new-for-latex2sympy2": lambda w: w.environment(
        versions={"antlr4-python3-runtime": "4.13.2", "latex2sympy2": "1.5.4"}
    ),
    "bitsandbytes-beside-torch-npu": lambda w: w.environment(
        versions={"bitsandbytes": "0.43.0", "torch-npu": "2.5.1"}
    ),
    "click-breaks-ray": lambda w: w.environment(versions={"click": "8.3.0", "ray": "2.54.0"}),
    "two-hosts-in-one-environment": lambda w: w.environment(
        hosts={"mindspeed_llm": (str(w.folder),), "mindspeed_rl": (str(w.folder),)}
    ),
    "torch-npu-for-another-torch": lambda w: w.cann("2.6.0", None),
    "cann-absent": lambda w: w.cann("2.7.1", None),
    "cann-version-documented": lambda w: w.cann("2.7.1", "8.5.0"),
    "cann-version-not-documented": lambda w: w.cann("2.7.1", "8.1.RC1"),
    "docker-config-unreadable": lambda w: w.docker("no json"),
    "docker-login-unreadable": lambda w: w.docker('{"auths": {"x": {"auth": "no base64!"}}}'),
    "libgomp-static-tls": lambda w: w.libgomp(),
    "activation-disabled": lambda w: (
        w.patch.setenv("MSRL_EXT_DISABLE", "1"),
        w.environment(variables={"MSRL_EXT_DISABLE": "1"}),
    )[1],
    "activation-hook-active": lambda w: (
        w.patch.setattr(activation, "startup_waits", lambda: True),
        w.environment(),
    )[1],
    "activation-hook-missing": lambda w: w.unhooked(OURS),
    "activation-hook-not-installed": lambda w: w.unhooked(),
    "activation-pth-missing": lambda w: w.pth(0, OURS),
    "activation-pth-not-installed": lambda w: w.pth(0),
    "activation-pth-installed": lambda w: w.pth(1),
    "activation-pth-twice": lambda w: w.pth(2),
    "activation-no-host": lambda w: w.environment(),
    "activation-host-fits": lambda w: w.hosts(),
    "activation-host-never-calls": lambda w: w.host_without_converter(),
    "activation-host-changed": lambda w: w.hosts("def verifier(texts): ...\n"),
    "host-recognised": lambda w: w.host_versions("1111"),
    "host-half-updated": lambda w: w.host_versions("1112"),
    "host-edited": lambda w: w.host_versions("1133"),
    "host-unknown-version": lambda w: w.host_versions("1333"),
    "host-copies-alike": lambda w: w.host_versions("1111", "1111"),
    "host-copies-differ": lambda w: w.host_versions("1111", "2222"),
    "activation-unknown-host": lambda w: w.environment(hosts={"elsewhere": ("/none",)}),
    # The nodes of a cluster.
    "nodes-examined": lambda w: nodes(node()),
    "nodes-path-same": lambda w: nodes(node()),
    "nodes-path-differs": lambda w: nodes(node(paths={"/w": "b"})),
    "nodes-path-missing": lambda w: nodes(node(paths={"/w": None})),
    "nodes-start-directory-differs": lambda w: nodes(node(folder="/root")),
    "nodes-too-few-cards": lambda w: nodes(node(), npus=8),
    "nodes-driver-differs": lambda w: BOOK.examine(
        Cluster({"a": node(versions={"python": "3.10.1"})}, 32, 32, {"python": "3.11.2"})
    ),
    "nodes-versions-differ": lambda w: nodes(node(versions={"torch": "1"})),
    "node-not-reachable": lambda w: nodes("ModuleNotFoundError"),
    "node-error": lambda w: nodes(of_node("error")),
    "node-warning": lambda w: nodes(of_node("warning")),
    # Configurations of the hosts: what is found in good ones.
    "batch-sizes-consistent": lambda w: w.changed(SEVEN),
    "cards-in-turns": lambda w: w.changed(SEVEN),
    "cards-by-role": lambda w: w.changed(SEVEN, changes={"rl_config/use_integrated_worker": False}),
    "save-disk-use": lambda w: w.changed(SEVEN),
    "save-disk-too-small": lambda w: w.changed(
        SEVEN,
        changes={"actor_config/save": str(w.folder), "megatron_training/train_iters": 10**9},
    ),
    "rlxf-batch-sizes-consistent": lambda w: w.changed(OLD),
    "rlxf-cards-by-role": lambda w: w.changed(OLD),
    "rlxf-response-length": lambda w: w.changed(OLD),
    "reward-verifiers-of-ours": lambda w: w.changed(SEVEN),
    "reward-tags-prompt-asks-box": lambda w: w.changed(
        MATH,
        w.configs / "datasets/math_8k.yaml",
        changes={"rl_config/verifier_function": ["cs336_r1_zero"]},
    ),
    "countdown-model-too-small": lambda w: w.trl(model_name_or_path="Qwen2.5-0.5B"),
    "key-refused-by-installed-host": lambda w: w.host("log_max_throughput"),
    "key-ignored-by-installed-host": lambda w: w.host("log_max_throughput", refuses=False),
    # Models and checkpoints.
    "model-values-same": lambda w: w.beside_model(),
    "model-value-differs": lambda w: w.beside_model(hidden_size=1),
    "model-rotary-base-differs": lambda w: w.beside_model(rope_theta=10000),
    "model-positions-differ": lambda w: w.beside_model(max_position_embeddings=4096),
    "model-epsilon-differs": lambda w: w.beside_model(rms_norm_eps=1e-5),
    "model-epsilon-default-differs": lambda w: (
        w.spoil("model/qwen25-7b", {"qwen25-7b/norm_epsilon": w.gone}).replace(
            w.configs / "model/qwen25-7b.yaml"
        ),
        w.beside_model(),
    )[1],
    "model-vocabulary-too-small": lambda w: w.beside_model(vocab_size=152065),
    "model-vocabulary-padding-differs": lambda w: w.beside_model(vocab_size=151936),
    "model-without-sizes": lambda w: w.changed(
        SEVEN,
        changes={
            **{part: w.gone for part in ("rl_config", "generate_config", "actor_config")},
            "megatron_training/model": w.gone,
            "defaults": [],
        },
        model=w.config_json(),
    ),
    "checkpoint-format": lambda w: w.opened("model.safetensors", SAFETENSORS),
    "checkpoint-unreadable": lambda w: w.opened("model.safetensors", SAFETENSORS[:-1]),
    "checkpoint-layout-same": lambda w: w.checkpoint(),
    "checkpoint-layout-differs": lambda w: w.checkpoint(tp=4),
    "checkpoint-without-manifest": lambda w: w.checkpoint(manifest=False),
    "checkpoint-part": lambda w: w.part(),
    "checkpoint-incomplete": lambda w: w.checkpoint(ranks=3),
    "checkpoint-experts-extended": lambda w: w.checkpoint(
        run=w.spoil(SEVEN, {**MOE, "actor_config/moe_tp_extend_ep": False}),
        layout={"extend_ep": True},
    ),
    "checkpoint-experts-not-extended": lambda w: w.checkpoint(
        run=w.spoil(SEVEN, MOE), layout={"extend_ep": False}
    ),
    "checkpoint-config-differs": lambda w: w.checkpoint(sha256={"config.json": "0"}),
    "checkpoint-tokenizer-differs": lambda w: w.checkpoint(sha256={"tokenizer.json": "0"}),
    "checkpoint-files-same": lambda w: w.checkpoint(
        sha256={
            "tokenizer.json": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        }
    ),
    # Data.
    "dataset-fits": lambda w: w.changed("datasets/math_8k"),
    "dataset-differs-from-run": lambda w: w.changed(
        "datasets/math_8k", w.configs / f"{MATH}.yaml", changes={"max_prompt_length": 512}
    ),
    "dataset-of-another-run": lambda w: w.changed(
        "datasets/math_8k", w.configs / f"{MATH}.yaml", changes={"output_prefix": "./other"}
    ),
    "dataset-unknown-column": lambda w: (
        (w.folder / "rows.jsonl").write_text('{"question": "1", "gt": "2"}\n'),
        w.changed("datasets/math_8k", changes={"input": str(w.folder / "rows.jsonl")}),
    )[1],
    "packed-prompts-only": lambda w: w.packed({"input_ids": OPENED, "labels": "7"}),
    "packed-shape": lambda w: w.packed({"input_ids": OPENED, "labels": "7"}),
    "packed-no-labels": lambda w: w.packed({"input_ids": OPENED}),
    "packed-no-input-ids": lambda w: (
        w.packed({"input_ids": OPENED, "labels": "7"}),
        [path.unlink() for path in w.folder.glob("data_packed_input_ids_*")],
        BOOK.examine(
            read_packed_files(str(w.folder / "data"), str(w.request.getfixturevalue("model")))
        ),
    )[2],
    "packed-unreadable": lambda w: BOOK.examine(read_packed_files(str(w.folder / "no"), None)),
    "packed-prompt-too-long": lambda w: w.packed({"input_ids": OPENED, "labels": "7"}, limit=2),
    "packed-answer-in-prompt": lambda w: w.packed(
        {"input_ids": OPENED.replace("many?", "many? 72"), "labels": "72"}
    ),
    "packed-empty-label": lambda w: w.packed({"input_ids": OPENED, "labels": ""}),
    "packed-empty-prompt": lambda w: w.packed({"input_ids": "", "labels": "7"}),
    "packed-mask-length": lambda w: w.packed(
        {"input_ids": OPENED, "labels": "7", "attention_mask": [1]}
    ),
    "packed-mask-not-ones": lambda w: w.packed(
        {"input_ids": [5, 6], "labels": "7", "attention_mask": [1, 0]}
    ),
    "packed-masked-labels": lambda w: w.packed({"input_ids": [9, 8], "labels": [-100, 8]}),
    "packed-negative-ids": lambda w: w.packed({"input_ids": [5, -1], "labels": "7"}),
    "packed-no-assistant-header": lambda w: w.packed({"input_ids": OPENED[:-22], "labels": "7"}),
    "packed-second-system-block": lambda w: w.packed(
        {"input_ids": SYSTEM + SYSTEM + OPENED, "labels": "7"}
    ),
    "packed-special-in-label": lambda w: w.packed({"input_ids": OPENED, "labels": "7<|im_end|>"}),
    "packed-text-after-header": lambda w: w.packed({"input_ids": OPENED + "7", "labels": "7"}),
    # Launch scripts and runtime_env.
    "launch-cards-suffice": lambda w: w.script(),
    "launch-too-few-cards": lambda w: w.script("=16", "=8"),
    "launch-variable-unset": lambda w: w.script("NNODES=1\n", ""),
    "launch-kills-by-name": lambda w: w.script("NNODES=1", "pkill -9 python\nNNODES=1"),
    "launch-preload-absent": lambda w: w.script("NNODES", "export LD_PRELOAD=/no/lib.so\nNNODES"),
    "master-address-loopback": lambda w: w.script("10.0.0.5", "127.0.0.1"),
    "master-address-empty": lambda w: w.script("10.0.0.5", '"IP OF MASTER"'),
    "master-address-differs": lambda w: w.script("NNODES", "CURRENT_IP=10.0.0.9\nNNODES"),
    "network-card-absent": lambda w: w.script("eth0", "eth9"),
    "network-card-other-address": lambda w: w.script("eth0", "lo"),
    "launch-ray-npus-differ": lambda w: w.script(
        "NNODES=1\n", "NNODES=1\nray start --head --resources='{\"NPU\": 8}'\n"
    ),
    "launch-placeholder": lambda w: w.script("=eth0", '="Your SOCKET IFNAME"'),
    "launch-saves-torch-dist": lambda w: w.script(
        "NNODES=1\n", "NNODES=1\ntorchrun posttrain_gpt.py --save $SAVE\n"
    ),
    "runtime-env-placeholder": lambda w: w.runtime_env(
        {"env_vars/HCCL_SOCKET_IFNAME": "Your SOCKET IFNAME"}
    ),
    "runtime-env-disables-plugin": lambda w: w.runtime_env({"env_vars/MSRL_EXT_DISABLE": "1"}),
    "runtime-env-network-cards-differ": lambda w: w.runtime_env(
        {"env_vars/GLOO_SOCKET_IFNAME": "eth0", "env_vars/HCCL_SOCKET_IFNAME": "eth1"}
    ),
    "runtime-env-no-hook": lambda w: w.runtime_env({"worker_process_setup_hook": None}),
    "runtime-env-other-hook": lambda w: w.runtime_env({"worker_process_setup_hook": "my.hook"}),
    "runtime-env-not-text": lambda w: w.runtime_env({"env_vars/HCCL_CONNECT_TIMEOUT": 1800}),
    "vllm-dp-size-of-dense-model": lambda w: w.runtime_env(FOUR),
    "vllm-dp-size-of-experts": lambda w: w.runtime_env(FOUR, EXPERTS),
    "vllm-dp-size-not-set": lambda w: w.runtime_env({"env_vars/VLLM_DP_SIZE": w.gone}, EXPERTS),
    # Chat prompts.
    "chat-prompts-only": lambda w: w.chats(ASKED),
    "chat-string-prompt": lambda w: w.chats("How many?"),
    "chat-bad-prompt": lambda w: w.chats([{"role": "user", "text": "How many?"}]),
    "chat-template-twice": lambda w: w.chats([{"role": "user", "content": OPENED}]),
    "chat-trailing-turn": lambda w: w.chats([*ASKED, {"role": "assistant", "content": "2"}]),
    "chat-empty-prompt": lambda w: w.chats([{"role": "user", "content": " "}]),
    "chat-missing-answer": lambda w: w.chats(ASKED, reward_model=None),
    "chat-empty-answer": lambda w: w.chats(ASKED, reward_model={"ground_truth": " "}),
    "chat-bad-answer": lambda w: w.chats(ASKED, reward_model={"ground_truth": float("nan")}),
    "chat-answer-in-prompt": lambda w: w.chats(
        [{"role": "user", "content": "What is 6 * 12? 72"}], reward_model={"ground_truth": "72"}
    ),
    "chat-mixed-references": lambda w: w.chats_mixed(),
    "chat-solution-beside": lambda w: w.chats(ASKED, extra_info={"answer": "One and one. #### 2"}),
    "chat-too-long": lambda w: w.chats_measured(),
    "chat-left-out": lambda w: w.chats_measured(verl="data.filter_overlong_prompts=True"),
    "chat-lengths-unmeasured": lambda w: w.chats_measured("model"),
    "chat-mixed-types": lambda w: w.chats_mixed(),
    "chat-unreadable": lambda w: w.findings(data=str(w.folder / "no.parquet")),
    "chat-no-rows": lambda w: w.chats_empty(),
    # verl.
    "verl-reward-key-moved": lambda w: w.verl(
        changes={"custom_reward_function.path": "/reward.py"}
    ),
    "verl-key-does-not-compose": lambda w: w.verl(
        changes={"reward_model.reward_manager.name": "dapo"}
    ),
    "verl-kwargs-without-plus": lambda w: w.verl(changes={"reward.reward_kwargs.weights": "[1.0]"}),
    "verl-reward-manager-unknown": lambda w: w.verl(
        changes={"reward.reward_manager.name": "prime"}
    ),
    "verl-manager-kwarg-unread": lambda w: w.verl(
        changes={
            "reward.reward_manager.name": "dapo",
            "+reward.reward_kwargs.overlong_buffer.len": 512,
        }
    ),
    "verl-reward-file-missing": lambda w: w.verl(changes={f"{FUNCTION}.path": "/no/reward.py"}),
    "verl-reward-function-missing": lambda w: w.verl_function("def reward(): ...\n"),
    "verl-reward-kwarg-unknown": lambda w: w.verl_function(
        "def compute_score(data_source, solution_str, ground_truth, extra_info): ...\n",
        **{f"+{FUNCTION}.reward_kwargs.limit": 3},
    ),
    "verl-key-unknown": lambda w: w.verl_installed(),
    "verl-data-source-unknown": lambda w: w.verl_rows("countdown", "Make 24."),
    "verl-verifiers-refused": lambda w: w.verl(changes={**BY_MANAGER, NAMED: "[simple]"}),
    "verl-verifier-needs-manager": lambda w: w.verl(
        changes={
            f"{FUNCTION}.path": "pkg://mindspeed_rl_ext.integrations.verl",
            f"+{FUNCTION}.reward_kwargs.verifiers": "'[\"overlong(max_tokens=2048)\"]'",
        }
    ),
    "verl-reference-unread": lambda w: w.verl_rows(
        "countdown", "Make 24 of 4 and 6.", **BY_MANAGER, **{NAMED: "[countdown]"}
    ),
    "verl-source-without-verifier": lambda w: w.verl_rows(
        "countdown", "Make 24.", **BY_MANAGER, **{NAMED: "'{gsm8k: [simplerl]}'"}
    ),
    "verl-adv-estimator-unknown": lambda w: w.verl(
        changes={"algorithm.adv_estimator": "group_norm"}
    ),
    "verl-loss-mode-unknown": lambda w: w.verl(changes={f"{ACTOR}.policy_loss.loss_mode": "gpso"}),
    "verl-kl-type-unknown": lambda w: w.verl(changes={f"{ACTOR}.kl_loss_type": "k4"}),
    "verl-gae-by-default": lambda w: w.verl(changes={"algorithm.adv_estimator": None}),
    "verl-group-of-one": lambda w: w.verl(changes={f"{ROLLOUT}.n": 1}),
    "verl-kl-twice": lambda w: w.verl(changes={"algorithm.use_kl_in_reward": True}),
    "verl-kl-without-effect": lambda w: w.verl(
        changes={f"{ACTOR}.use_kl_loss": False, "algorithm.kl_ctrl.kl_coef": 0.01}
    ),
    "verl-validation-repeats": lambda w: w.verl(changes={f"{ROLLOUT}.val_kwargs.n": 8}),
    "verl-filter-metric-unknown": lambda w: w.verl(
        changes={"algorithm.filter_groups.enable": True}
    ),
    "verl-filter-batches-ignored": lambda w: w.verl(
        changes={
            "algorithm.filter_groups.enable": True,
            "algorithm.filter_groups.metric": "acc",
            "algorithm.filter_groups.max_num_gen_batches": 10,
        }
    ),
    "verl-nothing-saved": lambda w: w.verl(changes={"trainer.save_freq": -1}),
    "verl-cards-not-multiple": lambda w: w.verl(
        changes={f"{ACTOR}.ulysses_sequence_parallel_size": 3}
    ),
    "verl-batch-below-mini-batch": lambda w: w.verl(changes={"data.train_batch_size": 32}),
    "verl-batch-not-multiple": lambda w: w.verl(
        changes={"data.train_batch_size": 65, f"{ROLLOUT}.n": 5}
    ),
    "verl-mini-batch-not-divisor": lambda w: w.verl(changes={"data.train_batch_size": 96}),
    "verl-mini-batch-not-multiple-of-dp": lambda w: w.verl(
        changes={f"{ACTOR}.ppo_mini_batch_size": 4, f"{ROLLOUT}.n": 3}
    ),
    "verl-micro-batch-not-divisor": lambda w: w.verl(
        changes={f"{ACTOR}.ppo_micro_batch_size_per_gpu": 7}
    ),
    "verl-dynamic-batches-differ": lambda w: w.verl(
        changes={f"{ROLLOUT}.log_prob_use_dynamic_bsz": True}
    ),
    "verl-rollout-ranks-not-divisor": lambda w: w.verl(
        changes={f"{ROLLOUT}.tensor_model_parallel_size": 3}
    ),
    "verl-window-below-prompt-and-response": lambda w: w.verl(
        changes={f"{ROLLOUT}.max_model_len": 2048}
    ),
    "verl-length-above-model-positions": lambda w: w.verl(
        changes={
            "actor_rollout_ref.model.path": "Qwen/Qwen2.5-Math-7B",
            "data.max_response_length": 4096,
        }
    ),
    "verl-packed-tokens-too-few": lambda w: w.verl(
        changes={
            f"{ACTOR}.use_dynamic_bsz": True,
            f"{ACTOR}.ppo_max_token_len_per_gpu": 4000,
        }
    ),
    "verl-long-prompts-kept": lambda w: w.verl(changes={"data.filter_overlong_prompts": None}),
    "verl-megatron-without-its-config": lambda w: w.verl(changes={f"{ACTOR}.strategy": "megatron"}),
    "verl-mbridge-off": lambda w: w.verl(
        changes={**MEGATRON, f"{ACTOR}.megatron.use_mbridge": False}
    ),
    "verl-parallel-size-not-divisor": lambda w: w.verl(
        changes={**MEGATRON, f"{ACTOR}.megatron.pipeline_model_parallel_size": 8}, model={}
    ),
    "verl-bucket-below-embedding": lambda w: w.verl(
        changes={"trainer.device": "npu", "actor_rollout_ref.model.path": "Qwen/Qwen2.5-7B"}
    ),
    "verl-npu-torch-compile": lambda w: w.verl(changes={"trainer.device": "npu"}),
    "verl-npu-variables-unset": lambda w: w.verl(changes={"trainer.device": "npu"}),
    # TRL and accelerate.
    "trl-keys-translated": lambda w: w.trl(torch_dtype="bfloat16"),
    "name-of-several-files": lambda w: w.findings(Path("r1_zero")),
    "trl-not-installed": absent_trl,
    "trl-keys-known": lambda w: w.trl(),
    "trl-key-unknown": lambda w: w.trl(num_generation=8),
    "trl-key-renamed": lambda w: w.trl(torch_dtype="bfloat16"),
    "trl-key-workspace": lambda w: w.trl(workspace="x"),
    "trl-key-warmup-ratio": lambda w: w.trl(warmup_ratio=0.1),
    "trl-key-max-prompt-length": lambda w: w.trl(max_prompt_length=256),
    "trl-key-vllm-device": lambda w: w.trl(vllm_device="cuda:2"),
    "trl-key-overwrite-output-dir": lambda w: w.trl(overwrite_output_dir=True),
    "trl-group-whole": lambda w: w.trl(),
    "trl-group-not-whole": lambda w: w.trl(num_generations=7),
    "trl-group-of-old-versions": old_trl,
    "trl-save-disk-use": lambda w: w.trl(save_steps=10),
    "trl-flash-attention-on-npu": lambda w: w.trl(NPU, attn_implementation="flash_attention_2"),
    "trl-flash-attention-absent": lambda w: w.trl(attn_implementation="flash_attention_2"),
    "trl-tf32-on-cpu": lambda w: w.trl(tf32=True, use_cpu=True),
    "trl-tf32-on-npu": lambda w: w.trl(NPU, tf32=True),
    "trl-tf32-needs-ampere": lambda w: w.trl(tf32=True),
    "accelerate-precision-differs": lambda w: w.trl(
        bf16=True, accelerate={"mixed_precision": "fp16"}
    ),
    "accelerate-processes": lambda w: w.accelerate(),
    "accelerate-key-unknown": lambda w: w.accelerate(num_process=2),
    "accelerate-processes-not-multiple": lambda w: w.accelerate(num_machines=3),
    "accelerate-unknown-environment": lambda w: w.accelerate(compute_environment="MULTI_NODE"),
}


def no_rows(world: World) -> Iterable[Finding]:
    from mindspeed_rl_ext.preprocess.packing.staging import staging
    from mindspeed_rl_ext.preprocess.packing.writer import PackedWriter

    with staging(world.folder / "data", overwrite=True) as folder:
        PackedWriter(folder, "data", ("input_ids", "labels")).finish()
    model = str(world.request.getfixturevalue("model"))
    return BOOK.examine(read_packed_files(str(world.folder / "data"), model))


CASES["packed-no-rows"] = no_rows
NEED_TRL = {name for name in CASES if name.startswith("trl-key")}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_rule_fires(name, world):
    if name in NEED_TRL and not trl_fields.installed("trl"):
        pytest.skip("TRL is not installed")
    found = [finding for finding in CASES[name](world) if finding.id == name]
    assert found
    for finding in found:
        assert finding.rule.words["en"].names <= set(finding.values)


def test_every_rule_has_a_case(faults):
    """The other cases are changes of shipped files, in `test_rules`."""
    assert {*CASES, *(rule for rule, _, _ in faults)} == set(BOOK.rules)
