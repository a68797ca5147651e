"""Whatever of a run is killed, and whenever: the next quiet run brings everything, once.

TAP_EMAG_LONG=1 kills 210 runs, and ends with a table of what became of them.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.crash.loop import Loop
from tests.crash.server import mortal_postgres
from tests.crash.shop import moving_shop
from tests.crash.stage import Stage
from tests.crash.table import table

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.meltano, pytest.mark.long]

LONG = bool(os.environ.get("TAP_EMAG_LONG"))
SEEDS = {"sqlite": 1, "postgres": 2}
KILLS = {"sqlite": 8, "postgres": 7}
CHAPTERS = 7 if LONG else 1  # each ends with a quiet run
IN_A_CHAPTER = 15


@pytest.mark.timeout(7200 if LONG else 900)
@pytest.mark.parametrize("system", ["sqlite", "postgres"])
def test_whatever_is_killed_the_next_quiet_run_brings_everything_once(
    tmp_path: Path, meltano_plugins: Path, system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # Dice of their own: the shop throws its while runs are under way, as often as these last.
    shops, kills = random.Random(SEEDS[system]), random.Random(SEEDS[system])
    with mortal_postgres() as server, moving_shop(shops) as shop:
        stage = Stage.set_up(tmp_path, meltano_plugins, shop, server, system)
        loop = Loop(stage, kills)
        try:
            for _ in range(CHAPTERS):
                loop.kill(IN_A_CHAPTER if LONG else KILLS[system])
                assert loop.quiet_run() == []
        finally:
            stage.end()
            if LONG:
                with capsys.disabled():
                    print(table(loop, system))  # noqa: T201 - what the long form is run for
