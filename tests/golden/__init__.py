"""What may never change by itself: what is stored, what is said, and what anybody calls.

- ``signatures.txt``, ``names.txt``: every command of every room, and every public name.
- ``door.jsonl``: what every command says to an argument that can't be accepted.
- ``0003-first``: everything that the lives of ``chapters`` store, move by move, under schema 0003.
  Whoever changes bytes on purpose adds a folder beside it, named after the schema and the matter,
  and leaves the old one as it is: reviewers then see both.
"""
