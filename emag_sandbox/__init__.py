"""An eMAG that runs on this machine: a fake Marketplace API over real HTTP.

eMAG offers no sandbox. This one invents a shop from a seed and answers as the API does, with its
quirks and faults. It also returns the exact rows, so that tests can compare what a tap has read.

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

from emag_sandbox.api.log import Request
from emag_sandbox.config import SandboxConfig
from emag_sandbox.server import Sandbox

__all__ = ["Request", "Sandbox", "SandboxConfig"]
