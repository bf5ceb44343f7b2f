"""Reports: what a reviewer reads about orders, rules and time limits."""
