"""Importing published checkpoints, in any of the layouts they come in."""

from basewise.checkpoints.published.importer import import_checkpoint

__all__ = ["import_checkpoint"]
