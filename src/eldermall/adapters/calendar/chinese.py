"""Rest days and make-up workdays of the mainland, as the package ``chinesecalendar`` knows them.

The State Council gives notice of a year's days in the autumn before. Of a year that the installed
package doesn't know yet, nothing is known: hand over a plugin with the days of that year, or
update the package.
"""

from __future__ import annotations

from datetime import date

from eldermall.calendars import Day
from eldermall.errors import PluginError
from eldermall.hooks import hookimpl
from eldermall.texts import Text

try:
    from chinese_calendar import is_workday
except ModuleNotFoundError as error:
    raise PluginError(
        Text(
            "未安装 chinesecalendar，请执行 pip install 'eldermall[calendar]'",
            "chinesecalendar isn't installed: pip install 'eldermall[calendar]'",
        )
    ) from error


@hookimpl
def eldermall_rest_days(day: date) -> Day | None:
    """Say whether people work on ``day``, make-up workdays included; None for an unknown year."""
    try:
        return "workday" if is_workday(day) else "rest"
    except NotImplementedError:
        return None
