"""Lets MindSpeed-RL's data YAML hold our options, which the host refuses as unknown keys.

Covers: the options of our handler (`label_extractor`, `max_prompt_length`, ...), in a YAML that
names it. The handler finds them on the host's configuration object; an `MSRL_EXT_*` variable wins.
Does not cover: keys that the host knows by the same name; they stay the host's.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Set
from types import ModuleType
from typing import Any

from mindspeed_rl_ext.hosts.point import Expect, LedgerRow, Point
from mindspeed_rl_ext.hosts.points.batch_columns import leave_alone
from mindspeed_rl_ext.hosts.points.handler_point import HANDLER


def wrap_data_config(module: ModuleType) -> None:
    """Wraps `DataHandlerConfig.__init__(config_dict)`, in place: other modules hold the class."""
    cls: Any = vars(module)["DataHandlerConfig"]
    original = cls.__init__
    if getattr(original, "_msrl_ext", False):
        return
    known = frozenset(original.__code__.co_names)

    @functools.wraps(original)
    def __init__(self: Any, config_dict: Any) -> None:  # noqa: N807  what it stands for
        ours = {} if config_dict is None else options_in(config_dict, known)
        if ours:
            config_dict = {k: v for k, v in config_dict.items() if k not in ours}
        original(self, config_dict)
        self.msrl_ext_options = ours  # our handler is given this object

    __init__._msrl_ext = True  # type: ignore[attr-defined]
    cls.__init__ = __init__


def options_in(config: Mapping[str, Any], known: Set[str]) -> dict[str, Any]:
    """The options of our handler in a configuration that names it.

    Args:
        known: names that are the host's own.

    Example:
        >>> settings = {"handler_name": "AlpacaStylePromptOnlyHandler", "dedupe": True, "seed": 1}
        >>> options_in(settings, frozenset({"seed"}))
        {'dedupe': True}
        >>> options_in({"handler_name": "AlpacaStyleInstructionHandler", "dedupe": 1}, known=set())
        {}

    Raises:
        InputError: a text that is no value of that option.
    """
    if config.get("handler_name") != HANDLER:
        return {}
    from mindspeed_rl_ext.core.options import declared_options
    from mindspeed_rl_ext.preprocess.options import PreprocessOptions

    return {
        name: one.from_text(config[name], name)
        if isinstance(config[name], str)
        else _plain(config[name])
        for name, one in declared_options(PreprocessOptions).items()
        if one.variable and name in config and name not in known
    }


def _plain(value: Any) -> Any:
    """Mappings and lists of hydra as those of Python."""
    if hasattr(value, "items"):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return value
    return [_plain(one) for one in value]


DATA_CONFIG_POINT = Point(
    module="mindspeed_rl.config_cls.data_handler_config",
    attribute="DataHandlerConfig",
    probe=(Expect("DataHandlerConfig", ("config_dict",)),),
    apply=wrap_data_config,
    tripwire=leave_alone,
    ledger=LedgerRow(
        "RL-5",
        "`mindspeed_rl.config_cls.data_handler_config.DataHandlerConfig` is wrapped at `__init__`: "
        "options of our handler in a data YAML that names it go to our handler, all other keys to "
        "the host",
        "2.1 to master refuse keys that they do not know, 2.0 warns and ignores them, and a label "
        "extractor that is ignored gives other labels",
        "when the host hands unknown keys to the handler",
    ),
    required=False,
)
