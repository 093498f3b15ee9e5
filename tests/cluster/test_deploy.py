"""The cluster files of cluster/deploy/: Ray's own validation, and that what they run is there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.command.compose import check_overrides
from cluster.command.help import HELP
from cluster.machines.resources import LEARNER, SIMULATION, role_resources
from cluster.systems import register

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "cluster" / "deploy"


def load(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / f"{name}.yaml").read_text()))


def ray_options(command: str) -> dict[str, str]:
    """The options that a `ray start` command line gives, read as a shell would."""
    words = shlex.split(command)
    assert "start" in words, command
    return dict(word.removeprefix("--").partition("=")[::2] for word in words[words.index("start") + 1 :])


@pytest.mark.parametrize("name", ["aws", "on_premise"])
def test_autoscaler_files_pass_rays_validation(name: str) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = prepare_config(load(name))
    validate_config(config)
    with pytest.raises(Exception, match="chef"):
        validate_config({**config, "chef": 1})


@pytest.mark.parametrize("name", ["aws", "on_premise"])
def test_every_node_gets_the_token_and_commands_of_ray(name: str) -> None:
    from ray.scripts.scripts import start

    known = {option.removeprefix("--") for parameter in start.params for option in parameter.opts}
    config = load(name)
    token = next(path for path, source in config["file_mounts"].items() if source == "~/.ray/auth_token")
    for command in (config["head_start_ray_commands"][-1], config["worker_start_ray_commands"][-1]):
        assert ray_options(command).keys() <= known
        assert f"RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=~/{Path(token).name} " in command
    head = ray_options(config["head_start_ray_commands"][-1])
    assert head["dashboard-host"] == "127.0.0.1" and head["autoscaling-config"] == "~/ray_bootstrap_config.yaml"


def test_roles_of_the_nodes() -> None:
    types = load("aws")["available_node_types"]
    assert LEARNER in types["learner"]["resources"] and SIMULATION not in types["learner"]["resources"]
    assert SIMULATION in types["simulation"]["resources"] and types["simulation"]["max_workers"] > 0
    local = load("on_premise")
    for kind, role in (("head", "learner"), ("worker", "simulation")):
        options = ray_options(local[f"{kind}_start_ray_commands"][-1])
        assert json.loads(options["resources"]) == role_resources(role)
    spec = load("kuberay")["spec"]["rayClusterSpec"]
    for group, role in ((spec["headGroupSpec"], "learner"), (spec["workerGroupSpecs"][0], "simulation")):
        # KubeRay puts the value as it is into a shell command.
        assert json.loads(shlex.split(group["rayStartParams"]["resources"])[0]) == role_resources(role)


def test_kuberay_manifest_has_what_a_rayjob_needs() -> None:
    import ray

    job = load("kuberay")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob") and job["metadata"]["name"]
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["rayVersion"] == ray.__version__ and cluster["authOptions"] == {"mode": "token"}
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    assert all(group["groupName"] and group["minReplicas"] <= group["replicas"] for group in groups[1:])
    for group in groups:
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        assert container["image"].startswith("<") and container["resources"]["limits"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
    assert yaml.safe_load(job["spec"]["runtimeEnvYAML"]) == {"working_dir": "/playpen"}
    # 35 actors of one CPU each have room.
    limits = cluster["workerGroupSpecs"][0]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert int(limits["cpu"]) * cluster["workerGroupSpecs"][0]["replicas"] >= 35


def test_commands_of_ours_exist() -> None:
    """In the files, their comments, and the document: every command and every override is understood."""
    register()
    found = []
    entrypoint = load("kuberay")["spec"]["entrypoint"]
    texts = [*(path.read_text() for path in DEPLOY.glob("*.yaml")), (ROOT / "cluster" / "README.md").read_text()]
    for line in [entrypoint, *"\n".join(texts).splitlines()]:
        for words in re.findall(r"(?:\./playpen|python -m cluster) ([a-z][^#`;|&>]*)", line):
            command, *rest = words.split()
            found.append(command)
            assert command in HELP, line
            if command == "train" and "\\" not in rest and "resume=" not in words:
                check_overrides(command, [word for word in rest if "=" in word])
    assert {"train", "cluster"} <= set(found) and len(found) > 8
