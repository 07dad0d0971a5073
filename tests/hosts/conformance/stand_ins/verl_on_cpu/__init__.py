"""A platform and a rollout for verl 0.9 on a machine without any accelerator.

`VERL_USE_EXTERNAL_MODULES=verl_on_cpu` makes every process of a run import this module, Ray's
workers among them; `actor_rollout_ref.rollout.name=transformers` is the rollout that it adds.
verl's own registries take both, and nothing of verl is edited or replaced.
Does not cover: speed; a rollout that is spread over several processes.
"""

import importlib
import importlib.util
import sys

from verl.plugin.platform import platform_manager

from verl_on_cpu.platform import Cpu

NAME = "transformers"
REGISTRIES = {
    "verl.workers.rollout.replica": lambda module: module.RolloutReplicaRegistry.register(
        NAME, lambda: importlib.import_module("verl_on_cpu.rollout").Replica
    ),
    "verl.workers.rollout.base": lambda module: module._ROLLOUT_REGISTRY.update(
        {(NAME, "async"): "verl_on_cpu.rollout.Adapter"}
    ),
}


class AfterRegistries:
    """Adds the rollout when verl has imported its registries: importing them here costs seconds."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        """The registry's own spec, which adds the rollout after the module ran."""
        register = REGISTRIES.pop(name, None)
        if register is None:
            return None
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def run_and_register(module):
            run(module)
            register(module)

        spec.loader.exec_module = run_and_register
        return spec


# The detection would prefer CUDA's platform, and falls back to it.
platform_manager._current_platform = Cpu()
sys.meta_path.insert(0, AfterRegistries)
