"""`python -m cluster.command.ending PARENT COMMAND ...`: interrupts a command, as Ctrl-C does, when its parent ends.

A run that a killed process had started would otherwise go on by itself. Only Linux reports a parent's end; elsewhere
the run does go on, and whoever looks for it finds it running.
"""

from __future__ import annotations

import sys

from cluster.command.cli import main
from common.processes import end_with_parent

if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    main(sys.argv[2:])
