"""The section `binding/encoders` of a configuration: which encoders, and whether they can run."""

from collections.abc import Mapping
from pathlib import Path

from basewise.checkpoints.config import HUB, is_encoder, read_config
from basewise.encoders.contexts import read_biotypes
from basewise.encoders.encoder import KINDS, PROTEIN, TEXT
from basewise.encoders.registry import OFFLINE, TABLE, build_encoder
from basewise.errors import BasewiseError, nearest
from basewise.models.picks import check_picks

SECTIONS = {"proteins": PROTEIN, "contexts": TEXT}
OF_CHECKPOINTS = ("layer", "pooling", "max_tokens", "precision")
SETTINGS = (*OF_CHECKPOINTS, "neighbours", "dim", "seed")


def read_settings(section: Mapping) -> dict:
    """Return the settings of `build_encoder` that a section gives; null ones are left out."""
    return {key: section[key] for key in SETTINGS if section.get(key) is not None}


def find_biotypes(section: Mapping) -> str | None:
    """Return the table of biotypes whose columns are read; None where names alone are."""
    return None if section["encoder"] == TABLE else section["biotypes"]


def used_checkpoints(encoders: Mapping) -> list[str]:
    """Return the checkpoints that the sections name, which offline encoders are not."""
    names = [encoders[section]["encoder"] for section in SECTIONS]
    return sorted({name for name in names if name not in OFFLINE})


def check_encoders(assemblies: Mapping[str, dict], config: Mapping) -> None:
    """Refuse encoders that cannot run, as far as that is known before anything is fetched.

    Raises:
        BasewiseError: an encoder that is neither offline nor among the checkpoints, one of another
            kind, a setting it does not have, a missing table of biotypes; or, where a model is
            trained, no chapter peaks, or an assembly with peaks and without proteins.
    """
    if config["binding"] is None:
        return
    training = config["binding"].get("training")
    if config["peaks"] is None and training is None:
        return  # nothing is encoded: the chapter says how tracks are called
    if config["peaks"] is None:
        raise BasewiseError("the chapter 'binding' needs the chapter 'peaks'", found="null")
    is_learned = (training or {}).get("learn") == "signals"
    for assembly, row in assemblies.items() if training is not None else ():
        told = "peaks" if row["peaks"] else "signals" if is_learned and row["signals"] else None
        if told and not row["proteins"]:
            raise BasewiseError(
                f"assembly '{assembly}' has {told} and no proteins, which binding needs",
                hint="Name them in the column 'proteins' of the table of assemblies.",
            )
    encoders = config["binding"]["encoders"]
    for section, kind in SECTIONS.items():
        where = f"binding/encoders/{section}"
        try:
            _check_section(encoders[section], kind, config["checkpoints"], where)
        except BasewiseError as error:
            raise BasewiseError(f"config section '{where}': {error}") from None


def _check_section(section: Mapping, kind: str, checkpoints: Mapping, where: str) -> None:
    name = section["encoder"]
    if section.get("biotypes"):
        read_biotypes(section["biotypes"], section["biotype_columns"])
    if name in OFFLINE:
        if name in checkpoints:
            raise BasewiseError(
                "a checkpoint has the name of an encoder without weights",
                found=repr(name),
                hint="Give the checkpoint another name.",
            )
        build_encoder(name, kind=kind, names=["any"], **read_settings(section))
        return
    if name not in checkpoints:
        raise BasewiseError(
            "unknown encoder", found=repr(name), hint=nearest(name, [*OFFLINE, *checkpoints])
        )
    settings = read_settings(section)
    for key in settings:
        if key not in OF_CHECKPOINTS:
            raise BasewiseError(
                f"checkpoint '{name}' has no setting {key}",
                found=repr(settings[key]),
                hint=f"It has {', '.join(OF_CHECKPOINTS)}.",
            )
    source = checkpoints[name]["source"]
    if "://" in source:
        _check_published(source, kind, settings)
        return
    config = read_config(source)
    if not is_encoder(config):
        raise BasewiseError(
            f"checkpoint '{name}' is no encoder", found=f"{config['name']}, a {config['family']}"
        )
    if config["architecture"]["kind"] != kind:
        raise _other_kind(config["name"], kind, config["architecture"]["kind"])
    if Path(source, "params.safetensors").is_file():
        build_encoder(source, kind=kind, **settings)


def _check_published(source: str, kind: str, settings: Mapping) -> None:
    """Refuse a published encoder of another kind or size; the rest is left to the fetch."""
    if not source.startswith(HUB):
        return
    from basewise.models.zoo import ENCODERS  # tokenizers too, which take a moment to import

    repository = source.partition("@")[0].rstrip("/").lower()
    known = (each for each in ENCODERS.values() if each.source.lower() == repository)
    for encoder in known:
        if encoder.kind != kind:
            raise _other_kind(encoder.name, kind, encoder.kind)
        trunk = encoder.architecture["trunk"]
        layers = [settings["layer"]] if "layer" in settings else []
        check_picks(layers, (), n_layers=trunk["num_layers"], n_heads=trunk["attention_heads"])
        longest = trunk["max_positions"] if trunk["positional_embedding"] else None
        if longest is not None and settings.get("max_tokens", 0) > longest:
            raise BasewiseError(
                f"{encoder.name} cannot read so many tokens at once",
                found=f"max_tokens {settings['max_tokens']}",
                hint=f"It is at most {longest}.",
            )


def _other_kind(name: str, wanted: str, found: str) -> BasewiseError:
    return BasewiseError(
        f"encoder {name} does not encode {KINDS[wanted]}", found=f"an encoder of {KINDS[found]}"
    )
