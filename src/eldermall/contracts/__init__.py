"""What a plugin must do: protocols, capabilities and the values that cross them."""
