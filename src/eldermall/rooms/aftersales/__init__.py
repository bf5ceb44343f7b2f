"""After-sale cases: returns, refunds and exchanges, from the request to money or replacement.

`case` is the record and its states. Its moves are in two parts: `deciding` from the request to the
decision, `settling` from there to the close. `cases` is the room, with what may happen in between
and what follows from an order's moves.
"""

from eldermall.rooms.aftersales.case import UNSETTLED, Case
from eldermall.rooms.aftersales.cases import Cases

__all__ = ["UNSETTLED", "Case", "Cases"]
