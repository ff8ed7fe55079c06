"""Models: haiku layers, one file per family, and the one type they all are from outside."""
