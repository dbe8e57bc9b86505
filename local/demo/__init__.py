"""What `make demo` tells."""
