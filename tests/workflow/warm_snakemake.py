"""The command line of Snakemake, imported once and run in a fork for each line of stdin: for tests.

A line is JSON: the arguments, the environment, the directory, and where the output goes. The answer
is a line with the exit code. Half of the time that a dry run takes are imports.
"""

import json
import os
import sys

from snakemake.cli import get_argument_parser, main

import basewise.assemblies
import basewise.estimate.shards
import basewise.sources
import basewise.targets
import basewise.training.binding.chapter  # noqa: F401

get_argument_parser()  # imports the plugins


def run(arguments: list[str], environ: dict[str, str], directory: str, output: str) -> None:
    """Be `snakemake`, as started by a shell."""
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(directory)
    for path, stream in ((os.devnull, 0), (output, 1)):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, stream)
        os.close(opened)
    os.dup2(1, 2)
    sys.argv[1:] = arguments
    sys.exit(main())


if __name__ == "__main__":
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            run(**json.loads(line))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
