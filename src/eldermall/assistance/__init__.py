"""Assistance: helping a merchant on site to collect what its listings say."""
