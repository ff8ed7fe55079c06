"""``python -m basewise.cli``."""

import sys

from basewise.cli import main

sys.exit(main())
