import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

DATA = ROOT.parent / "shared" / "data" / "matches.csv"
SHIPPED = ROOT / "model" / "registry" / "match-outcome" / "1"


@pytest.fixture
def results():
    if not DATA.exists():
        pytest.skip(f"needs the results at {DATA}")
    return DATA
