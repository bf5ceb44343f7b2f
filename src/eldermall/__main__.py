"""``python -m eldermall``: the command."""

from eldermall.cli import main

if __name__ == "__main__":
    main()
