"""A few changes that would do harm: the tests of the changed module have to fail.

`make mutants` tries hundreds; these are those that would do most harm, and some of constants and
properties, which that tool leaves alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.mutation.copies import STEADY, copy_checkout
from tests.mutation.tool import MODULES

if TYPE_CHECKING:
    from pathlib import Path


class Change(NamedTuple):
    """Text of a module of the tap, what takes its place, the harm, and the test that is to fail."""

    module: str
    old: str
    new: str
    harm: str
    noticed_by: str

    def __str__(self) -> str:
        return self.harm


CHANGES = [
    Change(
        "readers.calendar",
        "return min(shown) - 1",
        "return self.local(now) - 1",
        "orders of the autumn night are lost",
        "test_no_later_instant_shows_a_second_within_the_horizon",
    ),
    Change(
        "readers.calendar",
        "not (self._irregular(second) or self._irregular(second + 1))",
        "not self._irregular(second)",
        "windows meet where the clock goes back",
        "test_a_window_that_begins_before_a_night_hour_takes_it_whole",
    ),
    Change(
        "readers.calendar",
        "text_of(self.until + 1)",
        "text_of(self.until)",
        "a window lacks its last second where bounds are excluded",
        "test_a_single_second_and_the_repeated_hour_cannot_be_split",
    ),
    Change(
        "readers.calendar",
        "longest = LONGEST - 1",
        "longest = LONGEST",
        "windows are a second longer than eMAG takes",
        "test_the_bounds_of_the_longest_window_are_as_far_apart_as_emag_takes",
    ),
    Change(
        "readers.calendar",
        "self.after < second <= self.until",
        "self.after < second < self.until",
        "no window claims the second where two meet",
        "test_a_window_claims_what_lies_between_its_cuts_and_covers_its_bounds",
    ),
    Change(
        "state.fingerprints",
        'return None if known == digest else "updated"',
        "return None",
        "changed offers are not written",
        "test_a_row_is_new_then_unchanged_then_updated",
    ),
    Change(
        "state.fingerprints",
        "value.normalize(_EXACT) if isinstance(value, Decimal) else value",
        "value",
        "unchanged offers are written again",
        "test_trailing_zeros_do_not_count",
    ),
    Change(
        "state.fingerprints",
        "return self._known.keys() - set(seen)",
        "return set(seen) - self._known.keys()",
        "offers that are there are told gone",
        "test_missing_is_what_was_delivered_and_not_seen",
    ),
    Change(
        "api.rate_limiter",
        "for limit in self.limits) * self.share",
        "for limit in self.limits)",
        "the tap takes what other programs of the account need",
        "test_each_bucket_books_its_share",
    ),
    Change(
        "api.rate_limiter",
        "limit.seconds + room",
        "limit.seconds",
        "requests that draw nearer on their way pass the limit",
        "test_requests_may_draw_nearer_on_their_way_by_most_of_what_the_share_leaves_free",
    ),
    Change(
        "api.rate_limiter",
        "Limit(720, 60.0)",
        "Limit(720, 6.0)",
        "the budget of a minute is not kept",
        "test_the_limit_a_minute_holds_where_the_limit_a_second_would_not",
    ),
    Change(
        "errors",
        'if reply.body["isError"] is not False:',
        'if reply.body["isError"] is True:',
        "a refusal in an odd form passes for an empty list",
        "test_the_table_says_what_a_reply_means",
    ),
    Change(
        "errors",
        "        HTTPStatus.BAD_GATEWAY,\n",
        "",
        "a bad minute of eMAG ends the run",
        "test_the_table_says_what_a_reply_means",
    ),
    Change(
        "errors",
        'return quote("; ".join(texts))',
        'return "; ".join(texts)',
        "a customer's address gets into the log",
        "test_what_the_api_says_is_quoted_without_addresses_and_numbers",
    ),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_checkout(tmp_path_factory.mktemp("mutants"))


def run_tests(copy: Path, module: str, name: str = "") -> subprocess.CompletedProcess[str]:
    place = MODULES[module] + (f"::{name}" if name else "")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", *STEADY, place],
        cwd=copy,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_harm_is_noticed(copy: Path, change: Change) -> None:
    path = copy / "tap_emag" / f"{change.module.replace('.', '/')}.py"
    sound = path.read_text(encoding="utf-8")
    assert sound.count(change.old) == 1
    path.write_text(sound.replace(change.old, change.new), encoding="utf-8")
    done = run_tests(copy, change.module, change.noticed_by)
    path.write_text(sound, encoding="utf-8")
    # By what a test asserts, not by code that cannot be imported.
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert "AssertionError" in done.stdout


def test_without_a_change_the_tests_of_the_copy_pass(copy: Path) -> None:
    done = run_tests(copy, "errors")
    assert done.returncode == 0, done.stdout + done.stderr
