"""An eMAG that runs on this machine: a fake Marketplace API over real HTTP.

eMAG offers no sandbox. This one invents a shop from a seed, answers as the API does, quirks and
faults included, and knows the truth behind its answers, so that a reader can be held against it.

    with Sandbox(SandboxConfig(orders=1000, sort="modified_desc")) as sandbox:
        read_everything(sandbox.url, "demo", "demo")
        compare(list(sandbox.world.orders()))
"""

from __future__ import annotations

try:
    import aiohttp as _aiohttp  # noqa: F401 - the first thing missing without the extra
except ImportError as error:
    message = "the sandbox needs an extra: pip install 'tap-emag[sandbox]'"
    raise ImportError(message) from error

from tap_emag.sandbox.config import SandboxConfig
from tap_emag.sandbox.log import Request
from tap_emag.sandbox.server import Sandbox

__all__ = ["Request", "Sandbox", "SandboxConfig"]
