"""The outside world on one machine: generators of dirty data, and the demonstration that runs over them."""
