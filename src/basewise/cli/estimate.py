"""``basewise estimate``: what a run will take, before anything is fetched or submitted."""

import argparse
import contextlib
import json
from pathlib import Path

from basewise.errors import BasewiseError


def add_parser(commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "estimate",
        help="tiles, shards, device hours, disk, memory and jobs of a configuration",
        description="Nothing is fetched. Lengths come from resources/ where the workflow has been, "
        "else from the tables that ship; hours from what was measured, else from FLOPs at a "
        "share of the peak that is stated.",
    )
    parser.add_argument(
        "--config",
        nargs="+",
        default=["config/config.yaml"],
        metavar="YAML",
        help="each laid over those before it; default config/config.yaml",
    )
    parser.add_argument("--directory", default=".", metavar="DIR", help="as of snakemake")
    parser.add_argument(
        "--device",
        action="append",
        default=[],
        metavar="NAME",
        help="one of resources/devices.tsv; may be repeated",
    )
    parser.add_argument(
        "--efficiency",
        type=_read_share,
        metavar="SHARE",
        help="of the device's peak, instead of what was measured or is in the table",
    )
    parser.add_argument(
        "--chromsizes",
        action="append",
        default=[],
        metavar="ASSEMBLY=FILE",
        help="chrom lengths of an assembly that nothing is known of",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--tsv", action="store_true", help="one row per assembly, model and device")
    form.add_argument("--json", action="store_true", help="all of it")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print the estimate."""
    from basewise.estimate import report
    from basewise.estimate.project import read_project
    from basewise.estimate.run import estimate_run

    configs = [_from_here(path, arguments.directory) for path in arguments.config]
    chromsizes = dict(map(_read_chromsizes, arguments.chromsizes))
    if not Path(arguments.directory).is_dir():
        raise BasewiseError("no such directory", found=repr(arguments.directory))
    with contextlib.chdir(arguments.directory):
        config, assemblies = read_project(configs)
        estimate = estimate_run(
            config,
            assemblies,
            devices=arguments.device,
            efficiency=arguments.efficiency,
            chromsizes=chromsizes,
        )
    if arguments.tsv:
        print(report.to_table(estimate).to_csv(sep="\t", index=False), end="")
    elif arguments.json:
        print(json.dumps(report.to_dict(estimate), indent=2))
    else:
        print("\n".join(report.to_lines(estimate)))


def _from_here(path: str, directory: str) -> Path:
    """The file as seen from here, if it is there; else as seen from the directory."""
    here = Path(path)
    return here.resolve() if here.is_file() and not (Path(directory) / path).is_file() else here


def _read_chromsizes(text: str) -> tuple[str, Path]:
    assembly, separator, path = text.partition("=")
    if not (assembly and separator and Path(path).is_file()):
        raise BasewiseError("--chromsizes is ASSEMBLY=FILE, the file existing", found=repr(text))
    return assembly, Path(path).resolve()


def _read_share(text: str) -> float:
    share = float(text)
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share above 0, at most 1")
    return share
