"""Orders: what was bought, its payment track and its goods track."""
