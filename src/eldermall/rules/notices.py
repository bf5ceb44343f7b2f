"""Who hears of a breach that still stands.   S19 article 14 (gaps are filled by operations).

The articles that set a time limit don't say who hears when it has passed. Whoever holds the work
hears at once, and the department head after a time that the policy sets; the head can't be left
out, because S19 article 12 (2) names the head as the one to whom what is stuck is reported.
"""

from __future__ import annotations

from eldermall.engine.clock import Rung
from eldermall.engine.settings import Setting
from eldermall.texts import Text

HEAD_AFTER = Setting(
    "notices.head-after",
    Text("超期后多久仍未处理须告知部门负责人", "how long after a breach the head hears of it"),
    "S19-14",
    "duration",
    suggestion="24h",
)

LADDER = (Rung(HEAD_AFTER, ("department_head",)),)
