"""Species by the names people give them: common, scientific, or that of an assembly."""

from collections.abc import Iterable

# common name: (scientific name, group, other names: assemblies and strains too)
SPECIES = {
    "human": ("Homo sapiens", "vertebrates", "hg18 hg19 hg38 GRCh37 GRCh38 hs1 CHM13 T2T-CHM13"),
    "chimpanzee": ("Pan troglodytes", "vertebrates", "chimp panTro6"),
    "macaque": ("Macaca mulatta", "vertebrates", "rhesus rheMac10 Mmul_10"),
    "mouse": ("Mus musculus", "vertebrates", "mm9 mm10 mm39 GRCm38 GRCm39"),
    "rat": ("Rattus norvegicus", "vertebrates", "rn6 rn7 mRatBN7.2"),
    "dog": ("Canis lupus familiaris", "vertebrates", "canFam3 canFam4 canFam6"),
    "cow": ("Bos taurus", "vertebrates", "cattle bosTau9 ARS-UCD1.2"),
    "pig": ("Sus scrofa", "vertebrates", "susScr11"),
    "chicken": ("Gallus gallus", "vertebrates", "galGal5 galGal6 GRCg6a GRCg7b"),
    "frog": ("Xenopus tropicalis", "vertebrates", "xenTro9 xenTro10"),
    "zebrafish": ("Danio rerio", "vertebrates", "danRer10 danRer11 GRCz10 GRCz11"),
    "fruit fly": ("Drosophila melanogaster", "invertebrates", "fly dm3 dm6 BDGP6"),
    "worm": ("Caenorhabditis elegans", "invertebrates", "nematode ce10 ce11 WBcel235"),
    "honey bee": ("Apis mellifera", "invertebrates", "apiMel4 Amel_HAv3.1"),
    "mosquito": ("Anopheles gambiae", "invertebrates", "anoGam3 AgamP4"),
    "yeast": ("Saccharomyces cerevisiae", "fungi", "sacCer2 sacCer3 R64-1-1 S288C"),
    "fission yeast": ("Schizosaccharomyces pombe", "fungi", "ASM294v2"),
    "malaria parasite": ("Plasmodium falciparum", "protists", "ASM276v2 3D7"),
    "Escherichia coli": ("Escherichia coli", "bacteria", "MG1655 ASM584v2"),
    "Bacillus subtilis": ("Bacillus subtilis", "bacteria", "ASM904v1"),
    "thale cress": ("Arabidopsis thaliana", "plants", "arabidopsis TAIR10"),
    "rice": ("Oryza sativa", "plants", "IRGSP-1.0"),
    "maize": ("Zea mays", "plants", "corn B73 Zm-B73-REFERENCE-NAM-5.0"),
    "wheat": ("Triticum aestivum", "plants", "IWGSC"),
    "barley": ("Hordeum vulgare", "plants", "MorexV3"),
    "soybean": ("Glycine max", "plants", "soy Glycine_max_v2.1"),
    "tomato": ("Solanum lycopersicum", "plants", "SL3.0 SL4.0"),
    "potato": ("Solanum tuberosum", "plants", "SolTub_3.0"),
    "sorghum": ("Sorghum bicolor", "plants", "Sorghum_bicolor_NCBIv3"),
    "cassava": ("Manihot esculenta", "plants", ""),
    "grape": ("Vitis vinifera", "plants", "PN40024"),
}
GROUPS = tuple(dict.fromkeys(group for _, group, _ in SPECIES.values()))
SHOWN = 6  # names listed at most


def find_species(name: str) -> str:
    """Return the common name of a species; a name that is not known stays as it is, tidied.

    Case, underscores and patches of an assembly (``GRCh38.p14``) do not matter, and the genus may
    be its first letter (``H. sapiens``).
    """
    tidy = _tidy(name)
    return _NAMES.get(tidy) or _NAMES.get(tidy.partition(".p")[0]) or tidy


def is_trained_on(species: str, trained: Iterable[str]) -> bool | None:
    """Whether a species is among those of a model; None where that cannot be told.

    Args:
        trained: names of species, or of whole `GROUPS`.
    """
    names = [find_species(name) for name in trained]
    species = find_species(species)
    if not names or not species:
        return None
    if species in names:
        return True
    groups = [name for name in names if name in GROUPS]
    if species in SPECIES:
        return SPECIES[species][1] in groups
    if species in GROUPS:
        is_part_known = any(SPECIES[name][1] == species for name in names if name in SPECIES)
        return species in groups or (None if is_part_known else False)
    return None if groups else False


def explain_untrained(
    model: str, trained: Iterable[str], species: str, *, trained_on: str = ""
) -> str | None:
    """Return one line for a model that was not trained on a species; None where it may have been.

    Args:
        trained_on: what it was trained on, where the publisher's words say it better.
    """
    trained = list(trained)
    if is_trained_on(species, trained) is not False:
        return None
    listed = trained_on or ", ".join(trained[:SHOWN]) + (", …" if len(trained) > SHOWN else "")
    if trained_on and all(find_species(name) in GROUPS for name in trained):
        listed = f"{trained_on} ({', '.join(trained)})"
    return (
        f"{model} was trained on {listed}, not on {find_species(species)}: it may be much less "
        "accurate there, and its probabilities are not calibrated; compare it with an annotation "
        "before you rely on it"
    )


def _tidy(name: str) -> str:
    return " ".join(name.replace("_", " ").split()).lower()


def _all_names():
    for common, (scientific, _, others) in SPECIES.items():
        genus, _, epithet = scientific.partition(" ")
        short = f"{genus[0]}. {epithet}"
        for name in (common, scientific, short, short.replace(". ", "."), *others.split()):
            yield _tidy(name), common


_NAMES = dict(_all_names())
