"""What every node of a Ray cluster reports: its environment, its versions, paths by content.

Covers: a running cluster, or a Ray of this machine that is ended again.
Does not cover: what is wrong on a node; the rules do.
"""

from __future__ import annotations

import hashlib
import os
import platform
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mindspeed_rl_ext.core.errors import InputError, MissingExtraError
from mindspeed_rl_ext.core.language import Text

if TYPE_CHECKING:
    from mindspeed_rl_ext.doctor.readers.environment import Environment

# What must be the same on every node.
SAME = ("python", "mindspeed-rl-ext", "torch", "torch-npu", "ray", "vllm", "transformers", "numpy")
# What must be the same in the process that starts a run and in its workers.
SAME_AS_DRIVER = ("python", "mindspeed-rl-ext")
WHOLE_FILE_BYTES = 64 << 20
LOCAL, AUTO = "local", "auto"
# Where `ray start` leaves the address of the cluster that `auto` means.
CURRENT_CLUSTER = Path("/tmp/ray/ray_current_cluster")
ANSWER_TIMEOUT_S = 5
NODE_TIMEOUT_S = 120
# Ray's own word for it, in its native log: the exception names the address only.
WRONG_TOKEN = "InvalidAuthToken"
STDERR = 2
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Cluster:
    """The nodes of a Ray cluster.

    Args:
        replies: node to its facts, or to why there are none.
        npus: NPUs of the cluster.
        needed: NPUs that the configuration asks for.
        driver: versions in this process, of what a driver and its workers must share.
    """

    label: ClassVar[Text] = Text("Ray cluster", "Ray 集群")

    replies: Mapping[str, Facts | str]
    npus: int
    needed: int | None = None
    driver: Mapping[str, str] = field(default_factory=dict)


def facts_of_this_node(paths: Sequence[str]) -> dict[str, Any]:
    """What a node reports of itself: plain values, so that any version of this package reads them.

    Args:
        paths: files and directories whose content is compared.
    """
    # Here, not above: the rules import what they look at.
    from mindspeed_rl_ext.doctor.readers.environment import read_environment
    from mindspeed_rl_ext.doctor.rulebook import load_rules

    found = read_environment()
    troubles = [f for f in load_rules().examine(found) if f.level in ("error", "warning")]
    return {
        "host": platform.node(),
        "folder": _folder_of_ray(),
        "versions": versions_of(found),
        "paths": {path: content_of(Path(path)) for path in paths},
        "findings": [
            {
                "level": f.level,
                "place": f.place,
                "en": list(f.words("en")),
                "zh": list(f.words("zh")),
                "id": f.id,
            }
            for f in troubles
        ],
    }


def versions_of(environment: Environment) -> dict[str, str]:
    """The versions of what must be the same everywhere; "-" for what is not installed."""
    python = ".".join(map(str, environment.python))
    return {"python": python, **{name: environment.versions.get(name, "-") for name in SAME[1:]}}


def _folder_of_ray() -> str:
    # A worker starts where its raylet was started.
    return os.environ.get("PWD") or str(Path.cwd())


def content_of(path: Path) -> str | None:
    """A mark of what lies at a path; None where nothing does.

    Files up to 64 MiB by their bytes; larger ones, and what a directory holds, by names and sizes.
    """
    if path.is_file():
        if path.stat().st_size > WHOLE_FILE_BYTES:
            return f"{path.stat().st_size} bytes"
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    if not path.is_dir():
        return None
    names = sorted(
        (str(p.relative_to(path)), p.stat().st_size) for p in path.rglob("*") if p.is_file()
    )
    return f"{len(names)} files, {hashlib.sha256(repr(names).encode()).hexdigest()[:12]}"


def read_cluster(
    address: str,
    paths: Sequence[str],
    needed: int | None,
    runtime_env: Mapping[str, Any] | None = None,
) -> Cluster:
    """Asks every node of a cluster, in the environment that the workers of a run have.

    Args:
        address: "auto", "local" (a Ray of this machine, ended again), or host:port.
        paths: what must be the same everywhere.
        needed: NPUs that the configuration asks for.
        runtime_env: what the run passes to `ray.init`; None for the environment of the nodes.

    Raises:
        MissingExtraError: ray is not installed.
        InputError: no cluster.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("ray", "ray", "--ray") from error
    # A folder of that name on the path, such as /tmp/ray, is no installation.
    if getattr(ray, "__file__", None) is None:
        raise MissingExtraError("ray", "ray", "--ray")
    from mindspeed_rl_ext.doctor.readers.environment import read_environment

    here = versions_of(read_environment())
    driver = {name: here[name] for name in SAME_AS_DRIVER}
    started = _connect(ray, address, dict(runtime_env or {}))
    try:
        npus = int(ray.cluster_resources().get("NPU", 0))
        return Cluster(_ask(ray, paths), npus, needed, driver)
    finally:
        if started:
            ray.shutdown()


def _connect(ray: Any, address: str, runtime_env: dict[str, Any]) -> bool:
    if ray.is_initialized():
        return False
    without_token = getattr(ray.exceptions, "AuthenticationError", ())  # Ray of 2025 has none
    log: list[str] = []
    try:
        if address == LOCAL:
            ray.init(
                address=LOCAL,
                include_dashboard=False,
                log_to_driver=False,
                runtime_env=runtime_env,
            )
        else:
            _require_listener(address)
            with _native_log(log):
                ray.init(address=address, log_to_driver=False, runtime_env=runtime_env)
    except without_token as error:
        raise _token_error(address, str(error).partition(". ")[0]) from error
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        refused = [line for line in log if WRONG_TOKEN in line]
        if refused:
            _, mark, why = refused[-1].partition(WRONG_TOKEN)
            raise _token_error(address, mark + why) from error
        sys.stderr.writelines(f"{line}\n" for line in log)
        raise InputError(
            f"no Ray cluster at {address}",
            found=(str(error).splitlines() or ["no answer"])[0],
            remedy="run ray start --head first, give --ray HOST:PORT, or --ray local",
        ) from error
    return True


def _token_error(address: str, found: str) -> InputError:
    return InputError(
        f"the Ray cluster at {address} refuses this process: its authentication token differs",
        found=found,
        remedy="take RAY_AUTH_MODE and the token (RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or "
        "~/.ray/auth_token) from the head node; every node needs the same",
    )


@contextmanager
def _native_log(lines: list[str]) -> Iterator[None]:
    """Puts into `lines` what native code writes to stderr: Ray's exceptions leave the cause out."""
    sys.stderr.flush()
    kept = os.dup(STDERR)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, STDERR)
            os.close(kept)
            file.seek(0)
            lines += file.read().decode("utf-8", "replace").splitlines()


def _require_listener(address: str) -> None:
    """Raises OSError where nobody listens: Ray itself would try for minutes."""
    named = os.environ.get("RAY_ADDRESS", "") if address == AUTO else address
    if not named and CURRENT_CLUSTER.is_file():
        named = CURRENT_CLUSTER.read_text("utf-8").strip()
    host, _, port = named.rpartition(":")
    if host and port.isdigit() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=ANSWER_TIMEOUT_S).close()


def _ask(ray: Any, paths: Sequence[str]) -> dict[str, Facts | str]:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(num_cpus=0, max_retries=0)(facts_of_this_node)
    asked = {}
    for node in ray.nodes():
        if node["Alive"]:
            strategy = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            name = f"{node['NodeManagerAddress']} ({node['NodeID'][:6]})"
            asked[name] = task.options(scheduling_strategy=strategy).remote(list(paths))
    replies: dict[str, Facts | str] = {}
    for name, reference in asked.items():
        try:
            replies[name] = ray.get(reference, timeout=NODE_TIMEOUT_S)
        except ray.exceptions.RayError as error:
            replies[name] = str(error).strip().splitlines()[-1]
    return replies
