"""The days of a year that the calendar package doesn't know yet, and a policy by name."""

import tomllib
from collections.abc import Iterable
from datetime import date
from importlib.resources import files

from eldermall import hookimpl
from eldermall.calendars import Day
from eldermall.contracts.plugin import PolicyPack

YEAR = 2027
REST = {date(2027, 1, 1), date(2027, 2, 5), date(2027, 2, 8)}
WORK = {date(2027, 1, 30)}


@hookimpl
def eldermall_rest_days(day: date) -> Day | None:
    if day.year != YEAR:
        return None
    if day in WORK:
        return "workday"
    return "rest" if day in REST or day.weekday() > 4 else "workday"


OBSERVED = {
    "mode": "observe", "author": "hu", "approver": "lin", "reason": "trial", "until": "2027-12-31",
}


@hookimpl
def eldermall_packs() -> Iterable[PolicyPack]:
    demo = tomllib.loads((files("eldermall.rules") / "demo-policy.toml").read_text("utf-8"))
    return [PolicyPack("trial", demo | {"enforce": {"*": OBSERVED}})]
