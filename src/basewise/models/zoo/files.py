"""The sets of files that published models come in."""

from dataclasses import dataclass

PYTREE, PARAMS_AND_STATE, TORCH = "pytree", "params+state", "torch"
HYPERPARAMS = "jax_model/hyperparams.json"


@dataclass(frozen=True)
class PublishedFile:
    """One file of a repository.

    Attributes:
        size_bytes: as published; None where nobody says.
        is_exact: whether that is the size to the byte.
        sha256_prefix: how its sha256 begins, where that is known.
    """

    path: str
    size_bytes: int | None = None
    is_exact: bool = True
    sha256_prefix: str | None = None

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def size_text(self) -> str:
        """The size in bytes, ``~`` before one that is rough, nothing where unknown."""
        if self.size_bytes is None:
            return ""
        return f"{'' if self.is_exact else '~'}{self.size_bytes}"


@dataclass(frozen=True)
class FileSet:
    """Files that together are a model.

    Attributes:
        layout: how parameters are named and stored in them.
        weights: the files with arrays; their names tell the set.
        settings: the JSON file beside them that says what arrays do not.
        needs_settings: whether a model cannot be told without it.
        others: files that help where they are there, such as vocabularies; one is enough.
    """

    layout: str
    weights: tuple[PublishedFile, ...]
    settings: PublishedFile | None = None
    needs_settings: bool = True
    others: tuple[PublishedFile, ...] = ()

    @property
    def members(self) -> tuple[PublishedFile, ...]:
        """All of them, weights first."""
        return self.weights + ((self.settings,) if self.settings else ())


def pytree_files(size_bytes: int, sha256_prefix: str | None, *, is_exact: bool = True) -> FileSet:
    """Return ``jax_model/pytree_ckpt.joblib`` and its hyperparameters."""
    weights = PublishedFile("jax_model/pytree_ckpt.joblib", size_bytes, is_exact, sha256_prefix)
    return FileSet(PYTREE, (weights,), PublishedFile(HYPERPARAMS))


def params_and_state_files(size_bytes: int) -> FileSet:
    """Return ``jax_model/params.joblib`` and ``state.joblib``, which no hyperparameters go with."""
    params = PublishedFile("jax_model/params.joblib", size_bytes, is_exact=False)
    state = PublishedFile("jax_model/state.joblib")
    return FileSet(PARAMS_AND_STATE, (params, state), needs_settings=False)


def torch_files(safetensors_bytes: int | None = None) -> tuple[FileSet, FileSet]:
    """Return the two forms of PyTorch weights, the one without pickle first."""
    settings = PublishedFile("config.json")
    return tuple(
        FileSet(TORCH, (PublishedFile(path, size_bytes),), settings, needs_settings=False)
        for path, size_bytes in (
            ("model.safetensors", safetensors_bytes),
            ("pytorch_model.bin", None),
        )
    )
