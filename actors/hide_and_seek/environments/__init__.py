"""Hide and seek for other people's agents: Gymnasium environments of single stages, and the whole game for PettingZoo.

Importing this package registers the Gymnasium environments. Gymnasium can import it by itself:

    env = gymnasium.make("actors.hide_and_seek.environments:playpen/Seek-v0")

The whole game is `actors.hide_and_seek.environments.pettingzoo_env.env()`. docs/howto/environments.md has examples.
"""

from __future__ import annotations

import gymnasium

ENVIRONMENTS = {
    "playpen/Explore-v0": "ExploreEnv",
    "playpen/Manipulate-v0": "ManipulateEnv",
    "playpen/Hide-v0": "HideEnv",
    "playpen/Seek-v0": "SeekEnv",
}
"""Class in `gymnasium_envs` by the environment's registered name."""


def register() -> None:
    """Registers the environments; those that are registered already stay as they are."""
    for name, cls in ENVIRONMENTS.items():
        if name not in gymnasium.registry:
            # Gymnasium's PassiveEnvChecker is off: if the first reset raises, e.g. because of a wrong option, the
            # checker of version 1.4.0 fails with a TypeError in every later step. The environments check their input
            # themselves.
            gymnasium.register(
                name, f"actors.hide_and_seek.environments.gymnasium_envs:{cls}", disable_env_checker=True
            )


register()
