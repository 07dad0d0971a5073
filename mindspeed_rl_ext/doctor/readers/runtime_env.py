"""Ray's runtime_env.yaml: its keys, beside the configuration that uses it.

Covers: keys that Ray does not know. Does not cover: variables that only a driver knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mindspeed_rl_ext.core.files.yaml_file import Document
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.doctor.readers.mindspeed.rl_run import RlRun
from mindspeed_rl_ext.doctor.readers.mindspeed.schema import check_part, unknown_key

# Keys of Ray's runtime environments.
_KEY_NAMES = """
    env_vars working_dir py_modules py_executable excludes pip uv conda container image_uri
    config nsight mpi java_jars worker_process_setup_hook
"""
KEYS = tuple(_KEY_NAMES.split())


@dataclass(frozen=True)
class RuntimeEnv:
    """The file.

    Args:
        document: the YAML.
        run: the configuration that uses it.
    """

    label: ClassVar[Text] = Text("runtime_env", "runtime_env")

    document: Document
    run: RlRun | None = None


def load_runtime_env(document: Document, run: RlRun | None = None) -> RuntimeEnv:
    """Checks the keys of a runtime_env.

    Raises:
        InputError: a key that Ray does not know.
    """
    for key in document.value:
        if key not in KEYS:
            raise unknown_key(document, (str(key),), KEYS)
    check_part(document, (), {**dict.fromkeys(KEYS, "anything"), "env_vars": "table"})
    return RuntimeEnv(document, run)
