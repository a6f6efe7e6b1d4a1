"""Results in openfootball's text format become a CSV that training accepts, or are refused by line."""

import csv
import subprocess
import sys

import pytest
from conftest import ROOT

from model.faults import Fault
from model.openfootball import read_season

ITALY = """= Italian Serie B 2024/25

# Date       Fri Aug/16 2024 - Tue May/13 2025 (270d)
# Teams      20

» Matchday 1
  Fri Aug/16 2024
    20.30  Brescia Calcio          v Palermo FC               1-0 (0-0)
  Sat Aug/17
    20.30  SSC Bari                v Juve Stabia              1-3 (0-2)
           Pisa SC                 v Spezia Calcio            2-2 (1-2)


» Matchday 3
  Tue Aug/27
    20.30  AS Cittadella           v Pisa SC                  0-3    [awarded]
           US Cremonese            v Palermo FC               [postponed]

» Matchday 21
  Sun Jan/12 2025
    12.30  US Salernitana 1919     v Sassuolo Calcio          1-2 (0-2)
  Mon Jan/13
    20.30  Cosenza Calcio          v Mantova 1911 SSD
"""
ENGLAND = """= English Premier League 2024/25

Matchday 1
[Fri Aug/16]
  20.00  Manchester United FC     1-0 (0-0)  Fulham FC
[Sat Aug/17]
  12.30  Ipswich Town FC          0-2 (0-0)  Liverpool FC
         Brighton & Hove Albion FC  0-0  Everton FC
Matchday 21
[Tue Jan/14]
  Everton FC               -  Aston Villa FC
  Arsenal FC               2-1  Tottenham Hotspur FC
"""


GERMANY = """= Deutsche Bundesliga 2024/25

▪ Matchday 25
  Fri Mar 7
    20:30  Borussia Mönchengladbach v 1. FSV Mainz 05          1-3 (1-1)
  Sat Mar 8
    15:30  1. FC Heidenheim 1846   v Borussia Mönchengladbach  0-3 (0-2)
"""


FILES = {
    "italy": "italy/2024-25/2-serieb.txt",
    "england": "england/2024-25/1-premierleague.txt",
    "germany": "deutschland/2024-25/1-bundesliga.txt",
}


def place(tmp_path, **files):
    folder = tmp_path / "openfootball"
    for name, text in files.items():
        path = folder / FILES[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def fetch(tmp_path, source, *arguments):
    command = [sys.executable, "-m", "model", "fetch", "2024-25", "--source", source, "--out", tmp_path / "out.csv"]
    command += ["--data", tmp_path / "before.csv", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_reads_all_layouts(tmp_path):
    folder = place(tmp_path, italy=ITALY, england=ENGLAND, germany=GERMANY)
    rows = read_season(folder / "italy/2024-25/2-serieb.txt", "ITA2", "2024-25")
    assert [(row["date"], row["round"], row["kickoff"], row["home"], row["away"]) for row in rows] == [
        ("2024-08-16", "1", "20:30", "Brescia Calcio", "Palermo FC"),
        ("2024-08-17", "1", "20:30", "SSC Bari", "Juve Stabia"),
        ("2024-08-17", "1", "20:30", "Pisa SC", "Spezia Calcio"),
        ("2024-08-27", "3", "20:30", "AS Cittadella", "Pisa SC"),
        ("2025-01-12", "21", "12:30", "US Salernitana 1919", "Sassuolo Calcio"),
    ]
    assert [row["awarded"] for row in rows] == ["0", "0", "0", "1", "0"]
    assert [rows[2][name] for name in ("home_goals", "away_goals", "ht_home_goals", "ht_away_goals")] == list("2212")

    rows = read_season(folder / "england/2024-25/1-premierleague.txt", "ENG1", "2024-25")
    assert [(row["date"], row["home"], row["home_goals"], row["away_goals"], row["ht_away_goals"]) for row in rows] == [
        ("2024-08-16", "Manchester United FC", "1", "0", "0"),
        ("2024-08-17", "Ipswich Town FC", "0", "2", "0"),
        ("2024-08-17", "Brighton & Hove Albion FC", "0", "0", ""),
        ("2025-01-14", "Arsenal FC", "2", "1", ""),
    ]

    rows = read_season(folder / "deutschland/2024-25/1-bundesliga.txt", "GER1", "2024-25")
    assert [(row["date"], row["round"], row["home"], row["away"], row["away_goals"]) for row in rows] == [
        ("2025-03-07", "25", "Borussia Mönchengladbach", "1. FSV Mainz 05", "3"),
        ("2025-03-08", "25", "1. FC Heidenheim 1846", "Borussia Mönchengladbach", "3"),
    ]


@pytest.mark.parametrize(
    "line, fault",
    [
        ("  what is this", "line 13: neither a date nor a match"),
        ("[Tue Feb/30]", "line 13: no such day"),
    ],
)
def test_refuses_what_it_cannot_read(tmp_path, line, fault):
    folder = place(tmp_path, england=ENGLAND + line + "\n")
    with pytest.raises(Fault, match=fault):
        read_season(folder / "england/2024-25/1-premierleague.txt", "ENG1", "2024-25")
    run = fetch(tmp_path, folder)
    assert run.returncode == 1 and fault in run.stderr and "Traceback" not in run.stderr
    assert not (tmp_path / "out.csv").exists()


def test_replaces_a_season_and_keeps_the_others(tmp_path):
    (tmp_path / "before.csv").write_text(
        "date,season,league,home,away,home_goals,away_goals\n"
        "2024-05-19,2023-24,ENG1,Arsenal,Everton,2,1\n"
        "2024-08-16,2024-25,ENG1,Manchester United,Fulham,9,9\n"
        "2024-08-10,2024-25,ENG2,Leeds United,Portsmouth,3,3\n"
    )
    run = fetch(tmp_path, place(tmp_path, italy=ITALY, england=ENGLAND))
    assert run.returncode == 0, run.stderr
    assert "9 results of 2 files, 11 in all" in run.stdout
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["home"] for row in rows][:3] == ["Arsenal", "Leeds United", "Manchester United FC"]
    assert rows[2]["home_goals"] == "1"

    trained = subprocess.run(
        [sys.executable, "-m", "model", "train", "--data", tmp_path / "out.csv", "--out", tmp_path / "out"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert trained.returncode == 0, trained.stderr
    assert "new team" not in trained.stderr


def test_clones_from_an_address(tmp_path):
    folder = place(tmp_path, italy=ITALY, england=ENGLAND)
    for name in ("deutschland", "england", "espana", "europe", "italy"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "README.md").write_text(name)
        git = ["git", "-C", folder / name, "-c", "user.name=test", "-c", "user.email=test@localhost"]
        for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "results"]):
            subprocess.run([*git, *arguments], check=True, timeout=20)
    run = fetch(tmp_path, f"file://{folder}")
    assert run.returncode == 0, run.stderr
    assert "9 results of 2 files, 9 in all" in run.stdout
    assert "cannot be cloned" in fetch(tmp_path, f"file://{tmp_path}/nowhere").stderr


def test_says_where_files_are_expected(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "england/{season}/1-premierleague.txt" in fetch(tmp_path, tmp_path / "empty").stderr
