"""The systems that plans name, and the secrets that open them."""
