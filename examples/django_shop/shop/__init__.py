"""A small shop that lets eldermall decide."""
