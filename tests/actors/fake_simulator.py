"""A tiny simulator for the tests: speaks the FIFO protocol of the AI2-THOR client and fails on demand.

Run as a script: fake_simulator.py [--at EVENT=FAULT] [--once FILE] [client's arguments ...]; FILE may hold EVENT=FAULT
at any time: the fault is committed once, and the file removed. EVENT is "launch" (before any pipe is
opened), "open" (server pipe open, nothing sent), "ready" (first message sent, action pipe not opened) or the name of an
action; FAULT is one of FAULTS, "partial" (dies in the middle of an image), "fail" or "refuse"
(unsuccessful answers), "stay" (claims success without acting).
"""

from __future__ import annotations

import ctypes
import json
import os
import struct
import sys
import time

import msgpack

SIZE = 300
SCENES = ["FloorPlan1_physics", "FloorPlan2_physics", "FloorPlan201_physics"]


def hang() -> None:
    """Does nothing, for ever."""
    while True:
        time.sleep(60)


def leave() -> None:
    """Exits with code 7 and a word on stderr."""
    print("the cat sat on the keyboard", file=sys.stderr, flush=True)
    os._exit(7)


def crash() -> None:
    """Segmentation fault."""
    ctypes.string_at(0)


MESSAGES = {"InvalidAction": "no such action: {action}", "Failed": "something is in the way", "InvalidArgument": "bad"}
FAULTS = {"hang": hang, "leave": leave, "crash": crash}


class FakeSimulator:
    """State and answers."""

    def __init__(self, faults: dict[str, str], once: str) -> None:
        self.always = faults
        self.faults = dict(faults)
        self.once = once
        self.scene = SCENES[0]
        self.pose = {"x": 0.0, "y": 0.9, "z": 0.0}
        self.yaw = self.horizon = 0.0
        self.touches = 0
        self.partial = False

    def fail(self, event: str) -> None:
        """Commits the fault of this event, if there is one."""
        self.faults = dict(self.always)
        if self.once and os.path.exists(self.once):
            with open(self.once) as file:
                wanted, _, fault = file.read().partition("=")
            if wanted == event:
                os.remove(self.once)
                self.faults[event] = fault
        fault = self.faults.get(event, "")
        if fault == "partial":
            self.partial = True
        elif fault in FAULTS:
            FAULTS[fault]()

    def serve(self) -> None:
        """Answers until its action pipe ends."""
        self.fail("launch")
        with open(os.environ["AI2THOR_FIFO_SERVER_PIPE_PATH"], "wb") as out:
            self.fail("open")
            self.answer(out, 0, {"action": "Initialize"}, None, "")
            self.fail("ready")
            with open(os.environ["AI2THOR_FIFO_CLIENT_PIPE_PATH"], "rb") as actions:
                while header := actions.read(5):
                    kind, length = struct.unpack("!BI", header)
                    body = actions.read(length)
                    if kind == 2:
                        action = json.loads(body)
                        self.fail(action["action"])
                        self.answer(out, action["sequenceId"], action, *self.act(action))

    def act(self, action: dict) -> tuple[object, str]:
        """(actionReturn, error code)."""
        name = action["action"]
        if self.faults.get(name) == "fail":
            return None, "Failed"
        if self.faults.get(name) == "refuse":
            return None, "InvalidArgument"
        if self.faults.get(name) == "stay":
            return None, ""
        if name == "GetScenesInBuild":
            return SCENES, ""
        if name == "Reset":
            self.scene = action["sceneName"]
            self.touches = 0
        elif name == "Initialize":
            return {"cameraNearPlane": 0.1, "cameraFarPlane": 20.0}, ""
        elif name == "TeleportFull":
            self.pose = action["position"]
            self.yaw, self.horizon = action["rotation"]["y"], action["horizon"]
        elif name == "TouchThenApplyForce":
            self.touches += 1
        elif name == "Environment":
            return dict(os.environ), ""
        elif name not in ("Pass", "InitialRandomSpawn", "MakeAllObjectsMoveable", "ChangeResolution"):
            return None, "InvalidAction"
        return None, ""

    def answer(self, out, sequence: int, action: dict, value: object, error: str) -> None:
        """One message: metadata, an image whose grey level counts the touches, and depth 2 m everywhere."""
        agent = {
            "screenWidth": SIZE,
            "screenHeight": SIZE,
            "thirdPartyCameras": [],
            "lastAction": action["action"],
            "lastActionSuccess": not error,
            "actionReturn": value,
            "errorCode": error,
            "errorMessage": MESSAGES.get(error, "").format(**action),
            "sceneName": self.scene,
            "depthFormat": "Meters",
            "colors": [],
            "agent": {
                "position": self.pose,
                "rotation": {"x": 0, "y": self.yaw, "z": 0},
                "cameraHorizon": self.horizon,
            },
        }
        metadata = {"sequenceId": sequence, "activeAgentId": 0, "agents": [agent], "thirdPartyCameras": []}
        fields = [
            (1, msgpack.packb(metadata)),
            (4, bytes([20 * self.touches % 256]) * (SIZE * SIZE * 3)),
            (5, struct.pack("<f", 2.0) * (SIZE * SIZE)),
        ]
        for kind, body in fields:
            out.write(struct.pack("!BI", kind, len(body)))
            if self.partial and kind == 4:
                out.write(body[:1000])
                out.flush()
                leave()
            out.write(body)
        out.write(struct.pack("!BI", 255, 0))
        out.flush()


if __name__ == "__main__":
    given = [value.split("=") for flag, value in zip(sys.argv[1:], sys.argv[2:], strict=False) if flag == "--at"]
    once = [value for flag, value in zip(sys.argv[1:], sys.argv[2:], strict=False) if flag == "--once"]
    FakeSimulator(dict(given), "".join(once)).serve()
