"""An eMAG that runs on this machine: a fake Marketplace API over real HTTP.

eMAG offers no sandbox. This one invents a shop from a seed and answers as the API does, with its
quirks and faults. It also returns the exact rows, so that tests can compare what a tap has read.

    with Sandbox(SandboxConfig(orders=1000, sort="modified_desc")) as sandbox:
        read_everything(sandbox.url, "demo", "demo")
        compare(list(sandbox.world.orders()))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emag_sandbox.api.log import Request
    from emag_sandbox.config import SandboxConfig
    from emag_sandbox.server import Sandbox

__all__ = ["Request", "Sandbox", "SandboxConfig"]

_MODULES = {
    "Request": "emag_sandbox.api.log",
    "Sandbox": "emag_sandbox.server",
    "SandboxConfig": "emag_sandbox.config",
}


# On demand, so that the command can start, and report which packages are missing.
def __getattr__(name: str) -> object:
    """Return what `__all__` names.

    Raises:
        ImportError: The extra `sandbox` is not installed.
        AttributeError: There is no such name.
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(_MODULES[name]), name)
    except ModuleNotFoundError as error:
        if error.name != "aiohttp":
            raise
        raise ImportError(
            "aiohttp is missing; install tap-emag with its extra: tap-emag[sandbox]"
        ) from error
