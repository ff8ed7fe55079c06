"""Base-resolution genome annotation with DNA foundation models."""

__version__ = "0.1.0"
