"""The parts of the DAGs in `emag_dags.py`; only `operator` needs Airflow.

Airflow looks for modules in its folder of DAGs, but `orchestrate` is in the checkout. The checkout
goes to the end of the path, so that none of its files replaces a package of Airflow's environment.
"""

import sys
from pathlib import Path

CHECKOUT = str(Path(__file__).resolve().parents[3])
if CHECKOUT not in sys.path:
    sys.path.append(CHECKOUT)
