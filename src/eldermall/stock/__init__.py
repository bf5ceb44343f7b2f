"""Stock of goods and capacity of services: what is there, what is promised, what may be sold."""
