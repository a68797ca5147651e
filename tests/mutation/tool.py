"""mutmut, run in a copy of the checkout: makes mutants, tests each, and says what became of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.mutation.copies import STEADY

if TYPE_CHECKING:
    from pathlib import Path

MODULES = {  # of tap_emag, each with the test file that has to notice its mutants
    "readers.calendar": "tests/unit/readers/test_calendar.py",
    "state.fingerprints": "tests/unit/state/test_fingerprints.py",
    "api.rate_limiter": "tests/unit/api/test_rate_limiter.py",
    "errors": "tests/unit/test_errors.py",
}
# Seconds a mutant may take: so much more than its tests take, times a factor.
PATIENCE = 4
FACTOR = 4
# What mutmut calls its end by the clock; a mutant that no test can wait for is noticed, too.
HANGS = {"timeout", "segfault"}
SURVIVES = {"survived", "no tests"}
RESULT = re.compile(r"^ *(tap_emag\.([\w.]+)\.([^.\s]+)__mutmut_\d+): (.+)$", re.MULTILINE)


class ToolError(Exception):
    """mutmut could not be run, or left a mutant undecided."""


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test has noticed: what was taken out of a function, and put in."""

    module: str
    function: str
    removed: tuple[str, ...]
    added: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return what was put in, as one line."""
        return " ".join(line.strip() for line in self.added)


@dataclass
class Outcome:
    """What became of all mutants: how many of each module were made, killed, and hung."""

    made: Counter[str] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    hung: Counter[str] = field(default_factory=Counter)
    survivors: list[Survivor] = field(default_factory=list)


def outcome(copy: Path, tool: Path) -> Outcome:
    """Run mutmut in a copy of the checkout.

    Args:
        copy: The copy, which is changed.
        tool: Folder that mutmut is installed in, apart from the project's own packages.

    Raises:
        ToolError: mutmut failed, or the tests fail without any change.
    """
    (copy / "setup.cfg").write_text(_settings(), encoding="utf-8")
    _mutmut(copy, tool, "run", show=True)
    found = Outcome()
    for name, module, mangled, status in RESULT.findall(
        _mutmut(copy, tool, "results", "--all", "True")
    ):
        found.made[module] += 1
        if status == "killed":
            found.killed[module] += 1
        elif status in HANGS:
            found.hung[module] += 1
        elif status in SURVIVES:
            diff = _mutmut(copy, tool, "show", name)
            found.survivors.append(_survivor(module, mangled, diff))
        else:
            raise ToolError(f"{name}: {status}")
    if set(found.made) != set(MODULES):
        raise ToolError(f"mutants were made of {sorted(found.made)} only")
    return found


def _settings() -> str:
    values = {
        "source_paths": ["tap_emag"],
        "only_mutate": [f"tap_emag/{name.replace('.', '/')}.py" for name in MODULES],
        "pytest_add_cli_args": STEADY,
        "pytest_add_cli_args_test_selection": [
            *MODULES.values(),
            *("-m", "not timing"),
        ],
        "timeout_constant": [str(float(PATIENCE))],
        "timeout_multiplier": [str(float(FACTOR))],
    }
    lines = ["[mutmut]"]
    for name, words in values.items():
        one = len(words) == 1 and name.startswith("timeout")
        lines += [f"{name}={words[0]}"] if one else [f"{name}=", *(f"    {word}" for word in words)]
    return "\n".join(lines) + "\n"


def _mutmut(copy: Path, tool: Path, *words: str, show: bool = False) -> str:
    # Python orders sets by a seed of its own: with a fixed one tests run in the same order.
    env = {**os.environ, "PYTHONPATH": str(tool), "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *words],
        cwd=copy,
        env=env,
        stdout=None if show else subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ToolError(f"mutmut {words[0]} ended with {done.returncode}")
    return done.stdout or ""


def _survivor(module: str, mangled: str, diff: str) -> Survivor:
    # `x_name` is a function, `xǁClassǁname` a method.
    function = mangled.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    removed = tuple(line[1:] for line in lines if line.startswith("-"))
    added = tuple(line[1:] for line in lines if line.startswith("+"))
    return Survivor(module, function, removed, added)
