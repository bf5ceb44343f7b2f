"""Urging: pressing a courier or merchant, as a task that ends only with their answer."""
