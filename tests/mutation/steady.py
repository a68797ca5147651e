"""A pytest plugin: property tests draw the same examples each time, and remember none.

What a change of the code does to the tests then depends on nothing else.
"""

from __future__ import annotations

import hypothesis


def pytest_configure() -> None:
    """Replace the profile that `tests/conftest.py` has loaded."""
    hypothesis.settings.register_profile(
        "steady",
        hypothesis.settings.get_profile("busy"),
        derandomize=True,
        database=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],  # nobody reads the example
    )
    hypothesis.settings.load_profile("steady")
