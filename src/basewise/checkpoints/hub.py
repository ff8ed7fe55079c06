"""Published checkpoints from a model hub: ``hf://OWNER/NAME[@REVISION]``, fetched and imported.

The files stay in the hub's cache, and the import reads them there.
"""

import logging
import os
import re
from collections.abc import Collection
from itertools import chain
from pathlib import Path, PurePosixPath

from huggingface_hub import constants

from basewise.checkpoints.config import HUB, hash_checkpoint
from basewise.checkpoints.lock import Pin
from basewise.checkpoints.origin import Origin, SourceFile
from basewise.checkpoints.published import import_checkpoint
from basewise.checkpoints.refusals import Unreachable
from basewise.checkpoints.repository import Listed, Repository, describe_difference
from basewise.checkpoints.snapshot import Published, find_model
from basewise.checkpoints.torch_file import INDEX_SUFFIX, torch_files
from basewise.errors import BasewiseError
from basewise.genome.checksum import verify_checksum
from basewise.models.zoo import ENCODERS, ZOO

SHOWN = 6

logger = logging.getLogger(__name__)


def fetch_published(
    source: str,
    checkpoint: Path,
    *,
    model_name: str | None = None,
    checksum: str | None = None,
    pin: Pin | None = None,
) -> Origin:
    """Fetch the published files of a model and import them into a checkpoint directory.

    Args:
        source: ``hf://OWNER/NAME[@REVISION]``; a branch or tag stands for its commit of now.
        model_name: which model it is, where the repository does not tell.
        checksum: "sha256:…" or "md5:…" of the published file with the weights.
        pin: what the lock demands: its commit and files are fetched, whatever the branch is now.

    Raises:
        BasewiseError: as `Repository.fetch` and `import_checkpoint`; or a file is not the one that
            the hub, the checksum or the lock speaks of.
    """
    asked = Repository.parse(source)
    model = choose_model(asked, model_name)
    if pin:
        commit = pin.origin.revision
        listed = {file.path: Listed(file.bytes, file.sha256) for file in pin.origin.files}
    else:
        commit, listed = find_files(asked, model)
    repository = asked.at(commit)
    paths, files = [], []
    for file, expected in listed.items():
        path, found = repository.fetch(file, expected)
        _check(repository, path, expected, found, pin)
        paths.append(path)
        files.append(found)
    verify_checksum(max(paths, key=lambda path: path.stat().st_size), checksum)
    if not pin and asked != repository:
        asked.remember(min(files, key=lambda file: file.bytes).path)
    import_checkpoint(paths, model.name, checkpoint, revision=commit)
    params_sha256 = hash_checkpoint(checkpoint)
    return Origin(source, params_sha256, tuple(files), asked.name, commit)


def find_files(repository: Repository, model: Published) -> tuple[str, dict[str, Listed]]:
    """Return a commit and the files of the model in it: the preferred set of those it has.

    Without a network, that is what the cache has of the revision.

    Raises:
        BasewiseError: the repository has none of the sets in whole.
    """
    if constants.is_offline_mode():
        return _find_cached(repository, model)
    try:
        commit, listed = repository.list_files()
    except Unreachable as error:
        try:
            found = _find_cached(repository, model)
        except BasewiseError:
            raise error from None
        logger.warning("%s; taking the commit in the cache, %s", error, found[0])
        return found
    files = choose_files(model, listed)
    if files is None:
        wanted = " or ".join(" + ".join(names) for names, _ in _file_sets(model))
        others = ", ".join(sorted(listed)[:SHOWN]) + (", …" if len(listed) > SHOWN else "")
        raise BasewiseError(
            f"{repository} has no files of {model.name} that can be imported",
            found=others or "nothing",
            hint=f"Wanted: {wanted}.",
        )
    return commit, {file: listed[file] for file in files}


def choose_files(model: Published, present: Collection[str]) -> list[str] | None:
    """Return the preferred set of a model's files that is present in whole, weights first.

    Where weights are in shards, these are the index and the files that are named after it.
    """
    for needed, optional in _file_sets(model):
        parts = [[file] if file in present else _find_shards(file, present) for file in needed]
        if all(parts):
            return [*chain(*parts), *(file for file in optional if file in present)]
    return None


def choose_model(repository: Repository, name: str | None) -> Published:
    """Return the model of the zoo that a repository holds, or else the one of that name.

    Raises:
        BasewiseError: neither is known, or the name is that of another repository's model.
    """
    known = ZOO | ENCODERS
    held = {model.source.lower(): model for model in known.values()}.get(
        f"{HUB}{repository.name}".lower()
    )
    if held is None:
        return find_model(name or repository.name.rpartition("/")[2])
    if name in known and known[name] is not held:
        raise BasewiseError(
            f"{HUB}{repository.name} is not the repository of {name}",
            found=f"that of {held.name}",
            hint=f"The source of {name} is {known[name].source}.",
        )
    return held


def _find_shards(file: str, present: Collection[str]) -> list[str]:
    """The index of a file in shards and the shards, as hubs name them; none where there is none."""
    if file + INDEX_SUFFIX not in present:
        return []
    stem, suffix = os.path.splitext(file)
    shard = re.compile(rf"{re.escape(stem)}-\d+-of-\d+{re.escape(suffix)}")
    return [file + INDEX_SUFFIX, *sorted(filter(shard.fullmatch, present))]


def _file_sets(model: Published) -> list[tuple[list[str], list[str]]]:
    """Paths of each accepted set: those it must have, and those that help."""
    sets = []
    for files in model.files:
        needed, settings = [file.path for file in files.weights], files.settings
        helping = [settings.path] if settings else []
        others = [file.path for file in files.others]
        is_needed = files.needs_settings
        sets.append((needed + helping, others) if is_needed else (needed, helping + others))
    return sets


def _find_cached(repository: Repository, model: Published) -> tuple[str, dict[str, Listed]]:
    for needed, optional in _file_sets(model):
        parts = [part for file in needed for part in _name_parts(repository, file)]
        commit = repository.find_cached(parts)
        if commit:
            also = [file for file in optional if repository.at(commit).find_cached([file])]
            return commit, dict.fromkeys([*parts, *also], Listed())
    raise BasewiseError(
        f"{repository} is not in the cache, {constants.HF_HUB_CACHE}",
        found="HF_HUB_OFFLINE is set, so nothing is fetched",
        hint="Unset it, or run `snakemake prefetch` where there is a network.",
    )


def _name_parts(repository: Repository, file: str) -> list[str]:
    """A file, or where the cache has the index of its shards, that and what it names."""
    index = repository.cached_path(file + INDEX_SUFFIX)
    if index is None or repository.cached_path(file) is not None:
        return [file]
    return [str(PurePosixPath(file).with_name(path.name)) for path in torch_files(index)]


def _check(
    repository: Repository, path: Path, listed: Listed, found: SourceFile, pin: Pin | None
) -> None:
    if pin:
        pin.check_file(found)
    elif not listed.describes(path, found):
        raise BasewiseError(
            f"{repository}: {found.path} is not the file that the hub lists",
            found=describe_difference(path, listed, found),
            hint=f"Something on the way changed it. It lies at {path}.",
        )
