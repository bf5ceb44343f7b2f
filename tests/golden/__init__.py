"""What may never change by itself: stored bytes, and what anybody calls.

``signatures.txt`` and ``names.txt`` are every command of every room and every public name.
``0003-first.jsonl`` is everything that one life of every room stores, under schema 0003. A file
that stands here is never written anew for a change of bytes: whoever changes bytes adds another
journal beside the old ones, and says in it from which issue on it counts.
"""
