"""Goldens from real Keras: what the Go code is held against. Run it with scripts/goldens.sh."""
