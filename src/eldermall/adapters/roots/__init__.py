"""Where roots of the journal are kept outside the database."""
