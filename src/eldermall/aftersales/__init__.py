"""After-sale cases: returns, refunds and exchanges, from the request to money or replacement."""
