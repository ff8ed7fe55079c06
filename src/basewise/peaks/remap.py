"""Where ReMap's catalogues lie, and under which licence.

ReMap 2022: Hammal et al. 2022, Nucleic Acids Research, 10.1093/nar/gkab996.
"""

import logging

from basewise.errors import BasewiseError

logger = logging.getLogger(__name__)

HOST = "remap.univ-amu.fr"
PREFIX = "remap2022:"
CATALOGUES = ("all", "nr", "crm")
ASSEMBLIES = ("hg38", "hg19", "mm10", "mm39")
LICENCE = "CC BY-NC 4.0"


def find_remap(source: str) -> tuple[str, str]:
    """The URL that a source means and the licence of what is there, "" if it is not ReMap's.

    `remap2022:all`, `remap2022:nr` and `remap2022:crm` are the catalogues of hg38,
    `remap2022:EXPERIMENT.TARGET.BIOTYPE` is one of its data sets. Before those may stand another
    assembly: `remap2022:mm10/all`. Other sources mean themselves.
    """
    url = str(source)
    if url.startswith(PREFIX):
        assembly, slash, name = url.removeprefix(PREFIX).rpartition("/")
        assembly = assembly if slash else ASSEMBLIES[0]
        folder = f"https://{HOST}/storage/remap2022/{assembly}/MACS2"
        if assembly in ASSEMBLIES and name in CATALOGUES:
            url = f"{folder}/remap2022_{name}_macs2_{assembly}_v1_0.bed.gz"
        elif assembly in ASSEMBLIES and name.count(".") >= 2:
            url = f"{folder}/DATASET/{name}.bed.gz"
        else:
            raise BasewiseError(
                "ReMap 2022 has no such catalogue",
                found=repr(source),
                hint=f"Use {', '.join(PREFIX + name for name in CATALOGUES)}, or "
                f"{PREFIX}EXPERIMENT.TARGET.BIOTYPE; other assemblies than hg38 as in "
                f"{PREFIX}mm10/all ({', '.join(ASSEMBLIES[1:])})",
            )
    if HOST not in url:
        return url, ""
    logger.warning("%s: ReMap is licensed under %s, not for commercial use", url, LICENCE)
    return url, LICENCE
