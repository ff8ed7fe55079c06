"""Published checkpoints from a model hub: ``hf://OWNER/NAME[@REVISION]``, fetched and imported.

huggingface_hub fetches, into its own cache (HF_HOME, HF_HUB_CACHE), from HF_ENDPOINT, with HF_TOKEN;
HF_HUB_OFFLINE makes do with the cache. Here is what it leaves open: which files, of which commit, and
whether they are whole.
"""

import logging
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from huggingface_hub import HfApi, constants, hf_hub_download, try_to_load_from_cache

from basewise import __version__
from basewise.checkpoints.config import HUB, hash_checkpoint
from basewise.checkpoints.digests import Digests
from basewise.checkpoints.lock import Origin, SourceFile
from basewise.checkpoints.published import import_checkpoint
from basewise.checkpoints.refusals import persist
from basewise.checkpoints.snapshot import find_model, read_revision
from basewise.errors import BasewiseError
from basewise.genome.checksum import verify_checksum
from basewise.models.zoo import ZOO, PublishedModel

DEFAULT_REVISION = "main"
SOURCE = re.compile(r"hf://(?P<name>[\w.-]+/[\w.-]+?)/?(@(?P<revision>[\w./-]+))?")
COMMIT = re.compile(r"[0-9a-f]{40}")

logger = logging.getLogger(__name__)
