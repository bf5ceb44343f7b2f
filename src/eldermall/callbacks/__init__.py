"""Callbacks: the call to the customer after each completed order."""
