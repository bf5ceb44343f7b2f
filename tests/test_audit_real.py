"""The audit of real orders, where they are at hand beside the repository."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from examples.make_export import HEADER, make_export

from eldermall.reports.audit import audit
from tests.shop import ROOT

REAL = ROOT.parent / "shared" / "data" / "olist_orders_a.csv"
AS_OF = datetime(2019, 1, 1, tzinfo=ZoneInfo("America/Sao_Paulo"))

pytestmark = pytest.mark.skipif(not REAL.exists(), reason="the real orders are not at hand")


@pytest.mark.parametrize(
    ("counting", "met", "late"), [("hours", 1663, 800), ("calendar-days", 1851, 612)]
)
def test_real_orders_are_counted_as_others_counted_them(
    counting: str, met: int, late: int
) -> None:
    result = audit(
        REAL, ROOT / "examples" / "olist.toml", as_of=AS_OF,
        overrides={"shipping.counting": counting},
    )
    assert (result.orders, result.paid, result.unreadable) == (2499, 2494, 0)
    assert result.rules == {
        "shipping.in-time": {
            "applies": 2494, "met": met, "late": late, "never": 15, "running": 0, "stopped": 16,
        },
        "shipping.paid-first": {"applies": 2463, "refused": 32},
    }


def test_an_invented_export_has_the_real_columns_and_none_of_the_real_rows(
    tmp_path: Path,
) -> None:
    make_export(tmp_path / "made.csv")
    with REAL.open(newline="") as file, (tmp_path / "made.csv").open(newline="") as other:
        real, made = list(csv.reader(file)), list(csv.reader(other))
    assert real[0] == made[0] == list(HEADER)
    assert not {row[0] for row in real[1:]} & {row[0] for row in made[1:]}
