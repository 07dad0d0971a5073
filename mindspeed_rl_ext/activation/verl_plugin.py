"""What verl loads by the entry point group `verl.plugins`, or by VERL_USE_EXTERNAL_MODULES.

Covers: activation in processes whose Python read no `.pth`, such as those that find this package by
PYTHONPATH. verl only imports a plugin and calls nothing, so importing this module activates.
Does not cover: what is registered; `hosts.verl.points` does, once verl has loaded its registry.
"""

from __future__ import annotations

from mindspeed_rl_ext.activation.activate import activate

ACTIVATION = activate()
