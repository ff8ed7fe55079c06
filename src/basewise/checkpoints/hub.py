"""Published checkpoints from a model hub: ``hf://OWNER/NAME[@REVISION]``, fetched and imported.

The hub's address is HF_ENDPOINT, and HF_TOKEN opens gated repositories; both are huggingface's own
variables.
"""

import json
import logging
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from basewise.checkpoints.config import HUB
from basewise.checkpoints.published import import_checkpoint
from basewise.checkpoints.snapshot import HYPERPARAMS, find_model
from basewise.errors import BasewiseError
from basewise.genome.body import Denied
from basewise.genome.fetch import FetchRecord, fetch
from basewise.models.zoo import ZOO, PublishedModel

ENDPOINT, DEFAULT_REVISION = "https://huggingface.co", "main"
SOURCE = re.compile(r"hf://(?P<name>[\w.-]+/[\w.-]+?)/?(@(?P<revision>[\w./-]+))?")
COMMIT = re.compile(r"[0-9a-f]{40}")

logger = logging.getLogger(__name__)


class Gated(BasewiseError):
    """The repository is not open to everyone."""


@dataclass(frozen=True)
class Repository:
    """A repository of a hub at one revision: a branch, a tag or a commit."""

    name: str
    revision: str = DEFAULT_REVISION

    @classmethod
    def parse(cls, source: str) -> "Repository":
        """Read ``hf://OWNER/NAME[@REVISION]``.

        Raises:
            BasewiseError: it is written otherwise.
        """
        match = SOURCE.fullmatch(source)
        if match is None:
            raise BasewiseError(
                "a published checkpoint is written hf://OWNER/NAME or hf://OWNER/NAME@REVISION",
                found=repr(source),
            )
        return cls(match["name"], match["revision"] or DEFAULT_REVISION)

    def fetch(self, file: str, output: Path, checksum: str | None = None) -> FetchRecord:
        """Fetch one file of this revision.

        Raises:
            BasewiseError: as `fetch`; a repository that is gated or private is explained.
        """
        return self._fetch(
            f"{self.name}/resolve/{quote(self.revision, '')}/{file}", output, checksum
        )

    def pin(self, folder: Path) -> "Repository":
        """Return the commit that the revision stands for now; the revision itself if unknown."""
        if COMMIT.fullmatch(self.revision):
            return self
        answer = folder / "revision.json"
        path = f"api/models/{self.name}/revision/{quote(self.revision, '')}"
        try:
            self._fetch(path, answer)
            commit = str(json.loads(answer.read_text())["sha"])
        except Gated:
            raise
        except (ValueError, KeyError, TypeError) as error:  # BasewiseError too: an older hub
            logger.info("the commit of %s is not told: %s", self, error)
            return self
        finally:
            answer.unlink(missing_ok=True)
        return Repository(self.name, commit) if COMMIT.fullmatch(commit) else self

    def __str__(self) -> str:
        return f"{HUB}{self.name}@{self.revision}"

    def _fetch(self, path: str, output: Path, checksum: str | None = None) -> FetchRecord:
        endpoint = (os.environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")
        token = os.environ.get("HF_TOKEN", "").strip()
        headers = {"Authorization": f"Bearer {token}"} if token else None
        try:
            return fetch(f"{endpoint}/{path}", output, checksum, headers=headers)
        except Denied as error:
            raise Gated(
                f"{self} is gated, private or not there",
                found=error.answer,
                hint=f"Accept its licence at {ENDPOINT}/{self.name}, make a token there that may "
                f"read it, and set HF_TOKEN{' (the one set is not enough)' if token else ''}.",
            ) from None


def fetch_published(
    source: str, checkpoint: Path, *, model_name: str | None = None, checksum: str | None = None
) -> None:
    """Fetch the published files of a model and import them into a checkpoint directory.

    They lie beside the directory meanwhile, in `.<directory>.download`, of which nothing stays but
    what a broken connection can go on from.

    Args:
        model_name: which model it is, where the repository does not tell.
        checksum: "sha256:…" or "md5:…" of the published file with the weights.

    Raises:
        BasewiseError: as `fetch` and `import_checkpoint`.
    """
    repository = Repository.parse(source)
    model = choose_model(repository, model_name)
    folder = checkpoint.absolute().parent / f".{checkpoint.name}.download"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        pinned = repository.pin(folder)
        hyperparams = str(Path(model.file).with_name(HYPERPARAMS))
        pinned.fetch(hyperparams, folder / hyperparams)
        pinned.fetch(model.file, folder / model.file, checksum)
        import_checkpoint(folder, model.name, checkpoint, revision=pinned.revision)
    finally:
        if not list(folder.rglob("*.part")):
            shutil.rmtree(folder)


def choose_model(repository: Repository, name: str | None) -> PublishedModel:
    """Return the model of the zoo that a repository holds, or else the one of that name.

    Raises:
        BasewiseError: neither is known, or the name is that of another repository's model.
    """
    held = {model.source.lower(): model for model in ZOO.values()}.get(
        f"{HUB}{repository.name}".lower()
    )
    if held is None:
        return find_model(name or repository.name.rpartition("/")[2])
    if name in ZOO and ZOO[name] is not held:
        raise BasewiseError(
            f"{HUB}{repository.name} is not the repository of {name}",
            found=f"that of {held.name}",
            hint=f"The source of {name} is {ZOO[name].source}.",
        )
    return held
