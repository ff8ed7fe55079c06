"""The command line of Snakemake, which looks at its jobs often: for tests.

The Slurm executor adds 10 s to the pause after every look that saw no job end, and no option
changes that. Only the `snakemake` that submits looks at all, so only it is started by this file.
"""

import signal
import sys

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

LONGEST_PAUSE_S = 0.5

pause = RemoteExecutor.next_seconds_between_status_checks
RemoteExecutor.next_seconds_between_status_checks = property(
    lambda executor: min(pause.fget(executor), LONGEST_PAUSE_S), pause.fset
)

if __name__ == "__main__":
    # who was started in the background by a shell ignores Ctrl-C, and so would its children
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
