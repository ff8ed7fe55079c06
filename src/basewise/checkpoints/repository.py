"""A repository of a model hub at one revision: what it holds, and its files, whole or not at all.

huggingface_hub fetches them into its own cache (HF_HOME, HF_HUB_CACHE), from HF_ENDPOINT, with
HF_TOKEN; with HF_HUB_OFFLINE it makes do with the cache. It does not compare checksums; this does.
"""

import hashlib
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from huggingface_hub import HfApi, constants, hf_hub_download, try_to_load_from_cache

from basewise import __version__
from basewise.atomic import explain_write_errors
from basewise.checkpoints.config import HUB
from basewise.checkpoints.origin import SourceFile
from basewise.checkpoints.refusals import persist
from basewise.errors import BasewiseError
from basewise.genome.checksum import verify_checksum
from basewise.genome.fetch import is_html

DEFAULT_REVISION = "main"
SOURCE = re.compile(r"hf://(?P<name>[\w.-]+/[\w.-]+?)/?(@(?P<revision>[\w./-]+))?")
COMMIT = re.compile(r"[0-9a-f]{40}")
FETCH_RETRIES = 2  # huggingface_hub goes on with a broken download five times by itself
CALLER = {"library_name": "basewise", "library_version": __version__}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listed:
    """What a hub says of a file: its size, and the sha256 of a large or git's id of a small one."""

    bytes: int | None = None
    sha256: str | None = None
    git_id: str | None = None

    def describes(self, path: Path, found: SourceFile) -> bool:
        """Whether a local file, of which sha256 and size are known, is that one."""
        if self.bytes is not None and self.bytes != found.bytes:
            return False
        if self.sha256 is not None:
            return self.sha256 == found.sha256
        if self.git_id is None:
            return True
        blob = hashlib.sha1(b"blob %d\0" % found.bytes, usedforsecurity=False)
        blob.update(path.read_bytes())
        return self.git_id == blob.hexdigest()


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

    def at(self, commit: str) -> "Repository":
        """Return the same repository at a commit."""
        return replace(self, revision=commit)

    def list_files(self) -> tuple[str, dict[str, Listed]]:
        """Return the commit that the revision stands for now, and what is in it.

        Raises:
            Unreachable: the hub does not answer.
            BasewiseError: it refuses.
        """
        info = persist(
            lambda: HfApi(**CALLER).model_info(
                self.name,
                revision=self.revision,
                files_metadata=True,
                timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
            ),
            str(self),
            self.name,
        )
        if not COMMIT.fullmatch(info.sha or ""):
            raise BasewiseError(f"{self}: the hub tells no commit", found=repr(info.sha))
        return info.sha, {
            file.rfilename: Listed(file.size, file.lfs.sha256)
            if file.lfs
            else Listed(file.size, git_id=file.blob_id)
            for file in info.siblings or ()
        }

    def find_cached(self, files: Iterable[str]) -> str | None:
        """Return the commit of which all these files are in the cache, if the revision is known."""
        commits = set()
        for file in files:
            path = self.cached_path(file)
            if path is None:
                return None
            commits.add(path.parts[-len(Path(file).parts) - 1])
        return commits.pop() if len(commits) == 1 else None

    def cached_path(self, file: str) -> Path | None:
        """Return where a file of this revision lies in the cache, None where it does not."""
        path = try_to_load_from_cache(self.name, file, revision=self.revision)
        return Path(path) if isinstance(path, str) else None

    def fetch(self, file: str, listed: Listed) -> tuple[Path, SourceFile]:
        """Return where a file of this revision lies in the cache, and what was found there.

        One in the cache that is not the one listed is fetched again; what comes then is returned,
        listed or not.
        """
        path, found = self._look_at(file)
        if not listed.describes(path, found) and not constants.is_offline_mode():
            logger.warning("%s of %s is damaged in the cache: fetching it again", file, self)
            path.unlink()  # or it would go on standing for the damaged bytes
            path, found = self._look_at(file, force_download=True)
        return path, found

    def remember(self, file: str) -> None:
        """Note in the cache which commit the revision stands for, for when there is no network."""
        self._download(file)

    def __str__(self) -> str:
        return f"{HUB}{self.name}@{self.revision}"

    def _look_at(self, file: str, **options) -> tuple[Path, SourceFile]:
        path = self._download(file, **options)
        return path, SourceFile(file, path.stat().st_size, verify_checksum(path, None))

    def _download(self, file: str, **options) -> Path:
        with explain_write_errors(Path(constants.HF_HUB_CACHE, self.name)):
            return Path(
                persist(
                    lambda: hf_hub_download(
                        self.name,
                        file,
                        revision=self.revision,
                        **CALLER,
                        **options,
                    ),
                    f"{self}, {file}",
                    self.name,
                    retries=FETCH_RETRIES,
                )
            )


def describe_difference(path: Path, listed: Listed, found: SourceFile) -> str:
    """What a file is instead of the one that was listed."""
    with path.open("rb") as stream:
        if is_html(stream.read(1 << 10)):
            return "a web page"
    if listed.bytes not in (None, found.bytes):
        return f"{found.bytes} bytes instead of {listed.bytes}"
    return f"sha256 {found.sha256}" + (f" instead of {listed.sha256}" if listed.sha256 else "")
