"""Put the best validation of each fold into one table."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.smk import configure_logging
from basewise.training.binding.folds import write_folds

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

write_folds([Path(path).parent for path in snakemake.input.checkpoints], snakemake.output.table)
