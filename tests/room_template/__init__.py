"""What a new room is: a room file, a rules file and settings; see ``tests/test_new_room.py``."""
