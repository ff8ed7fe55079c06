"""Physico-chemical properties of the 20 amino acids, one number each.

Published measurements, in the units of their authors: hydropathy, Kyte & Doolittle 1982
(doi:10.1016/0022-2836(82)90515-0); volume in cubic ångström, Zamyatnin 1972
(doi:10.1016/0079-6107(72)90005-3); polarity, Grantham 1974 (doi:10.1126/science.185.4154.862);
propensities for helix, sheet and turn, Chou & Fasman 1978 (doi:10.1002/9780470122921.ch2); charge
of the side chain at pH 7; whether it has an aromatic ring.
"""

import numpy as np

from basewise.encoders.residues import RESIDUES, STAND_FOR

# fmt: off
SCALES = {  # in the order of RESIDUES: A C D E F G H I K L M N P Q R S T V W Y
    "hydropathy": (1.8, 2.5, -3.5, -3.5, 2.8, -0.4, -3.2, 4.5, -3.9, 3.8,
                   1.9, -3.5, -1.6, -3.5, -4.5, -0.8, -0.7, 4.2, -0.9, -1.3),
    "volume": (88.6, 108.5, 111.1, 138.4, 189.9, 60.1, 153.2, 166.7, 168.6, 166.7,
               162.9, 114.1, 112.7, 143.8, 173.4, 89.0, 116.1, 140.0, 227.8, 193.6),
    "polarity": (8.1, 5.5, 13.0, 12.3, 5.2, 9.0, 10.4, 5.2, 11.3, 4.9,
                 5.7, 11.6, 8.0, 10.5, 10.5, 9.2, 8.6, 5.9, 5.4, 6.2),
    "helix": (1.42, 0.70, 1.01, 1.51, 1.13, 0.57, 1.00, 1.08, 1.16, 1.21,
              1.45, 0.67, 0.57, 1.11, 0.98, 0.77, 0.83, 1.06, 1.08, 0.69),
    "sheet": (0.83, 1.19, 0.54, 0.37, 1.38, 0.75, 0.87, 1.60, 0.74, 1.30,
              1.05, 0.89, 0.55, 1.10, 0.93, 0.75, 1.19, 1.70, 1.37, 1.47),
    "turn": (0.66, 1.19, 1.46, 0.74, 0.60, 1.56, 0.95, 0.47, 1.01, 0.59,
             0.60, 1.56, 1.52, 0.98, 0.95, 1.43, 0.96, 0.50, 0.96, 1.14),
    "charge": (0, 0, -1, -1, 0, 0, 0.1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0),
    "aromatic": (0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1),
}
# fmt: on
N_SCALES = len(SCALES)


def residue_table() -> np.ndarray:
    """Return float32 (256, 20 + N_SCALES): by ASCII code of a letter, which residue and what it is.

    The first 20 columns are one-hot, in the order of RESIDUES; the others are the scales, each
    with mean 0 and variance 1 over the 20 residues. A letter that stands for several has their
    mean; X has zeros.
    """
    scales = np.array(list(SCALES.values())).T
    scales = (scales - scales.mean(axis=0)) / scales.std(axis=0)
    own = np.concatenate([np.eye(len(RESIDUES)), scales], axis=1)
    table = np.zeros((256, own.shape[1]), np.float32)
    for row, letter in zip(own, RESIDUES, strict=True):
        table[ord(letter)] = row
    for letter, others in STAND_FOR.items():
        if others:
            table[ord(letter)] = np.mean([own[RESIDUES.index(other)] for other in others], axis=0)
    return table
