"""Subprocesses of `./playpen cluster` that use Ray's internals.

`python -m cluster.machines.ray_process start ...` is `ray start ... --block` with two differences: it listens on
127.0.0.1 where that is given (`ray start` replaces it by the machine's outer address), and it starts no Ray client
server, which nothing here uses. `python -m cluster.machines.ray_process nodes HOST:PORT` prints a cluster's nodes as
JSON. Both run in a subprocess because Ray's client writes to the terminal, and exits if a cluster does not answer.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from cluster.machines.resources import keep_loopback, use_ray_token

TOKEN_REFUSED = 3
"""Exit code of `nodes` if the cluster refuses the token."""


def start(arguments: list[str]) -> None:
    """Runs a Ray node until SIGTERM ends it and all its processes.

    Args:
        arguments: those of `ray start`, without `--block`.
    """
    from ray.scripts import scripts

    keep_loopback()
    if "127.0.0.1" in arguments:
        # Makes Ray's child processes, such as the job server, keep 127.0.0.1, too. Ray reads it at import.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    scripts.get_ray_client_dependency_error = lambda: ImportError("the Ray client server is not used")
    scripts.start.main([*arguments, "--block", "--log-style", "record", "--log-color", "false"], prog_name="ray start")


def nodes(address: str) -> list[dict[str, Any]]:
    """The nodes of a cluster, including dead ones.

    Raises:
        AuthenticationError: the token is missing or wrong.
    """
    from ray._private.state import GlobalState
    from ray._raylet import GcsClient, GcsClientOptions  # type: ignore[attr-defined]

    GcsClient(address=address)  # raises errors that the state below would hide
    state = GlobalState()
    state._initialize_global_state(
        GcsClientOptions.create(address, None, allow_cluster_id_nil=True, fetch_cluster_id_if_nil=False)
    )
    free = state.available_resources_per_node()
    return [
        {
            "id": node["NodeID"],
            "address": node["NodeManagerAddress"],
            "host": node["NodeManagerHostname"],
            "alive": node["Alive"],
            "head": "node:__internal_head__" in node["Resources"],
            "resources": node["Resources"],
            "free": free.get(node["NodeID"], {}),
        }
        for node in state.node_table()
    ]


def main() -> None:
    """Runs `start ARGUMENTS` or `nodes HOST:PORT`."""
    use_ray_token()
    if sys.argv[1] == "start":
        start(sys.argv[2:])
        return
    from ray.exceptions import AuthenticationError

    try:
        print(json.dumps(nodes(sys.argv[2])))
    except AuthenticationError:
        raise SystemExit(TOKEN_REFUSED) from None


if __name__ == "__main__":
    main()
