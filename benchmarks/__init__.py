"""What is fast enough, measured: `make bench` runs all of it and prints how each figure came."""
