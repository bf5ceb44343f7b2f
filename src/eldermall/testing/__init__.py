"""Conformance kits for those who write their own storage. Needs ``eldermall[testing]``."""
