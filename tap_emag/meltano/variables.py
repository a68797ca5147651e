"""Names the environment variables that Meltano reads settings from."""

from __future__ import annotations

import os
import re

APP = "tap-emag"
# How a value in meltano.yml names a variable; Meltano takes `$name` in small letters as it is.
REFERENCE = re.compile(r"\$(?:\{(\w+)\}|([A-Z][A-Z0-9_]*))")
JOB = re.compile(r"-(orders|offers|returns|reference)(-nightly|-weekly)?$")


def variable(setting: str) -> str:
    """Return the variable of a setting, for the plugin that Meltano runs.

    A plugin of a job, such as tap-emag-fbe-orders, takes the settings of its account's plugin.
    """
    account = JOB.sub("", os.environ.get("MELTANO_EXTRACTOR_NAME") or APP)
    return f"{account}_{setting}".replace("-", "_").upper()
