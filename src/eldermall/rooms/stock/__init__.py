"""Stock of goods and capacity of services: what is there, what is promised, what may be sold.

``stock``: the stock of a listing as it stands, ``moves``: how it moves. ``capacity``: that of a
service, day by day, and how it moves. ``keeping``: what both rooms share.
"""

from eldermall.rooms.stock.capacity import Capacities, Capacity
from eldermall.rooms.stock.moves import Stocks
from eldermall.rooms.stock.stock import Stock

__all__ = ["Capacities", "Capacity", "Stock", "Stocks"]
