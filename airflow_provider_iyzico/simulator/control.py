"""The door beside the API: state, wishes, the panel, and what was seen and done."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_iyzico.simulator.panel import Panel
from airflow_provider_iyzico.simulator.wire import Answer, Request
from airflow_provider_iyzico.simulator.wishes import ControlError, read_object
from airflow_provider_iyzico.simulator.world import World

CONTROL_PATH = "/simulator"
_HELP = (
    "try GET or POST /simulator, POST /simulator/panel, GET /simulator/payouts, GET /simulator/journal, "
    "GET or DELETE /simulator/seen"
)


def answer(world: World, request: Request) -> Answer:
    """Do what a tester asks for."""
    try:
        status, value = _do(world, request)
    except ControlError as error:
        status, value = 400, {"error": str(error)}
    return Answer(status, f"{json.dumps(value)}\n".encode())


def _do(world: World, request: Request) -> tuple[int, Any]:
    match (request.method, request.path):
        case ("GET", "/simulator"):
            return 200, world.state()
        case ("POST", "/simulator"):
            world.set(**read_object(request.body))
            return 200, world.state()
        case ("POST", "/simulator/panel"):
            Panel(world).do(read_object(request.body))
            return 200, world.state()
        case ("GET", "/simulator/payouts"):
            return 200, world.payouts()
        case ("GET", "/simulator/journal"):
            return 200, [effect.public() for effect in world.effects()]
        case ("GET", "/simulator/seen"):
            return 200, [seen.public() for seen in world.seen()]
        case ("DELETE", "/simulator/seen"):
            world.forget()
            return 200, []
    return 404, {"error": _HELP}
