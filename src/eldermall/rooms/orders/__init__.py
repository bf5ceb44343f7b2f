"""Orders: what was bought, how far its goods or its service are, and its money.

`order` is the record, `states` its tracks, `room` puts together the moves: `placing` (of every
order), `goods`, `service`, `payment`, `claims` (what after-sale cases do to it, on the `terms` of
returns). `lines` shares out quantities; `booking` keeps the references of payments.
"""

from eldermall.rooms.orders.booking import Booking, Bookings
from eldermall.rooms.orders.order import Order
from eldermall.rooms.orders.room import Orders

__all__ = ["Booking", "Bookings", "Order", "Orders"]
