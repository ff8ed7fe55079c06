"""The published models this version runs, as their publishers describe them. No JAX here."""

from basewise.models.zoo.encoders import ENCODERS, PublishedEncoder
from basewise.models.zoo.files import FileSet, PublishedFile
from basewise.models.zoo.language_models import LANGUAGE_MODELS
from basewise.models.zoo.published_model import PublishedModel
from basewise.models.zoo.segmentation_models import SEGMENTATION_MODELS

__all__ = ["ENCODERS", "ZOO", "FileSet", "PublishedEncoder", "PublishedFile", "PublishedModel"]

ZOO: dict[str, PublishedModel] = {
    model.name: model for model in (*LANGUAGE_MODELS, *SEGMENTATION_MODELS)
}
