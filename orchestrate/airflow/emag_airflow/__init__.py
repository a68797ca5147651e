"""What the DAGs in `emag_dags.py` are made of; only `operator` needs Airflow.

Airflow looks for modules in its folder of DAGs, but `orchestrate` lies in the checkout. That goes
to the end of the path: nothing in it can then stand in for a package of Airflow's environment.
"""

import sys
from pathlib import Path

CHECKOUT = str(Path(__file__).resolve().parents[3])
if CHECKOUT not in sys.path:
    sys.path.append(CHECKOUT)
