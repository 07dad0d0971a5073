"""A double of the host: modules named by a variable are imported, as verl does."""

import importlib
import os

for _name in filter(None, os.environ.get("VERL_USE_EXTERNAL_MODULES", "").split(",")):
    importlib.import_module(_name)
