"""Base-resolution genome annotation with DNA foundation models."""

__version__ = "0.1.0"

__all__ = ["__version__", "load"]


def load(checkpoint, **options):
    """Return the model of a checkpoint directory; see ``basewise.inference.annotate.load``."""
    from basewise.inference.annotate import load as load_annotator

    return load_annotator(checkpoint, **options)
