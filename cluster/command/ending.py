"""`python -m cluster.command.ending PARENT COMMAND ...`: runs a command that is interrupted when its parent ends.

Otherwise a run would continue after the process that started it was killed. Only Linux reports the end of a parent; on
other systems the run continues.
"""

from __future__ import annotations

import sys

from cluster.command.cli import main
from common.processes import end_with_parent

if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    main(sys.argv[2:])
