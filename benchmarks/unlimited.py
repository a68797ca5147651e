"""The command `tap-emag` without a request budget, to measure what else bounds it."""

from __future__ import annotations

from tap_emag.api import rate_limiter as limits
from tap_emag.cli import main

ENDLESS = (limits.Limit(1_000_000, 1.0), limits.Limit(60_000_000, 60.0))

if __name__ == "__main__":
    limits.BUCKETS.update(dict.fromkeys(limits.BUCKETS, ENDLESS))
    main()
