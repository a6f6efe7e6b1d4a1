"""The figures of an evaluation: scores by hand on a few forecasts, and the files it writes."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

from model.metrics import log_loss, paired, rps, scores

PROBS = np.array([[1.0, 0.0, 0.0], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5]])


def test_scores_by_hand():
    outcome = np.array([0, 1, 0])
    np.testing.assert_allclose(rps(PROBS, outcome), [0, (0.25 + 0.04) / 2, (0.64 + 0.25) / 2])
    np.testing.assert_allclose(log_loss(PROBS, outcome), [0, -np.log(0.3), -np.log(0.2)])
    assert scores(PROBS, outcome).accuracy == pytest.approx(1 / 3)


def test_calibration_error_by_hand():
    # Two forecasts of 60/20/20, one home win and one draw: off by 10, 30 and 20 points.
    assert scores(np.array([[0.6, 0.2, 0.2]] * 2), np.array([0, 1])).ece == pytest.approx((0.1 + 0.3 + 0.2) / 3)


def test_paired_interval_holds_the_mean():
    gap = paired(np.array([0.2, 0.4, 0.3, 0.1]), np.array([0.1, 0.1, 0.1, 0.1]))
    assert gap.mean == pytest.approx(0.15)
    assert gap.low < gap.mean < gap.high


def test_evaluate_says_what_the_results_lack(tmp_path):
    data = tmp_path / "results.csv"
    lines = [f"{year}-09-01,{year}-{year % 100 + 1},ENG1,Arsenal,Chelsea,2,1" for year in range(2020, 2025)]
    data.write_text("\n".join(["date,season,league,home,away,home_goals,away_goals", *lines]) + "\n")
    command = [sys.executable, "-m", "model", "evaluate", "--data", data, "--out", tmp_path / "out"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert run.returncode == 1
    assert "fewer than 3 seasons before 2021-22: add results" in run.stderr
    assert not (tmp_path / "out").exists()


def test_evaluate_prints_the_table_and_writes_its_figures(results, tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "model", "evaluate", "--out", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0 and run.stderr == ""
    assert "| base rates | 1.07" in run.stdout and "| Elo + ordered logit | 0.98" in run.stdout
    assert (tmp_path / "table.md").read_text() == run.stdout
    assert len((tmp_path / "leagues.csv").read_text().splitlines()) == 1 + 10 * 4
    assert (tmp_path / "reliability.csv").read_text().startswith("outcome,low,high,n,forecast,observed\nhome,0.0,0.1,")
    assert (tmp_path / "reliability.svg").read_text().startswith("<svg ")
    assert '"ours"' in (tmp_path / "metrics.json").read_text()
