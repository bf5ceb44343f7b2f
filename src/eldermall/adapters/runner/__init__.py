"""What drives a mall's upkeep beyond one machine."""
