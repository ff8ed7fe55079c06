"""What a checkpoint's source alone tells, before anything is fetched. No JAX here."""

from pathlib import Path

from basewise.checkpoints.config import CONFIG_NAME, HUB, choose_tracks, read_config
from basewise.labels import ELEMENT_NAMES


def find_published(source: str):
    """The published model of a hub's repository; None for other sources."""
    if not source.startswith(HUB):
        return None
    from basewise.models.zoo import ZOO  # tokenizers too, which take a moment to import

    repository = source.partition("@")[0].rstrip("/").lower()
    return next((known for known in ZOO.values() if known.source.lower() == repository), None)


def default_tracks(source: str) -> list[str] | None:
    """Return the tracks to write where nobody names any: those that were trained.

    Of a source that tells nothing before it is fetched they are the elements of SegmentNT. A
    language model has none.

    Raises:
        BasewiseError: a local checkpoint whose config.json cannot be read.
    """
    published = find_published(source)
    if published is not None:
        return list(published.trained_tracks) or None
    if not (Path(source) / CONFIG_NAME).is_file():
        return list(ELEMENT_NAMES)
    config = read_config(source)
    return None if config["tile_spec"] is None else choose_tracks(config)
