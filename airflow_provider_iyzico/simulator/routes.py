"""From a request of the API to its answer: which call it is, whether it is believed, what it lacks, and what comes back.

https://docs.iyzico.com/en/products/mass-payout/mass-payout-integration
"""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import parse_qs

from airflow_provider_iyzico.simulator.payouts.forms import Refused
from airflow_provider_iyzico.simulator.signature import Refusal, check
from airflow_provider_iyzico.simulator.wire import Answer, Raw, Request, to_json
from airflow_provider_iyzico.simulator.world import World

_ROOT = "/v1/mass/payout"
#: Method and path of each call; the group in a path is the id that stands in it.
ROUTES = {
    "balance": ("GET", re.compile(rf"{_ROOT}/balance()\Z")),
    "init": ("POST", re.compile(rf"{_ROOT}/init()\Z")),
    "auth": ("POST", re.compile(rf"{_ROOT}/auth()\Z")),
    "cancel": ("POST", re.compile(rf"{_ROOT}/cancel/([^/]+)\Z")),
    "retrieve": ("POST", re.compile(rf"{_ROOT}/retrieve()\Z")),
    "item": ("GET", re.compile(rf"{_ROOT}/retrieve/items/([^/]+)\Z")),
}


def find(request: Request) -> tuple[str | None, str]:
    """Return the name of the call, and the id in its path."""
    for call, (method, path) in ROUTES.items():
        if request.method == method and (found := path.match(request.path)):
            return call, found[1]
    return None, ""


def check_signature(world: World, request: Request) -> tuple[str, Refusal | None]:
    """Return the random key of a request, and why its signature is refused, if it is."""
    has = world.settings.has
    signed_path = f"{request.path}?{request.query}" if request.query and has("signs_query") else request.path
    signed_body = request.body
    if request.method == "GET" and not signed_body and has("signs_empty_object"):
        signed_body = b"{}"
    header = request.header("Authorization")
    random_key, refusal = check(header, signed_path, signed_body, world.api_key, world.secret_key)
    if refusal is None and has("refuses_reuse") and world.was_used(random_key):
        refusal = Refusal("1000", "Random key was used before")
    return random_key, refusal


def answer(world: World, request: Request, refusal: Refusal | None) -> Answer:
    """Carry a request out.

    :param refusal: why its signature is not believed
    """
    if refusal is not None:
        return _refuse(world, refusal, world.refusal_status)
    call, name = find(request)
    if call is None:
        return _refuse(world, Refusal("404", "This call is not simulated"), 404)
    try:
        _require_form(world, request)
        with world.turn():
            return _carry_out(world, call, name, request.body)
    except Refused as refused:
        known = world.settings["refusals"][refused.reason]
        message = ": ".join(filter(None, [known["message"], refused.detail]))
        is_mild = known["status"] == 400 and world.settings.has("refuses_with_200")
        return _refuse(world, Refusal(known["code"], message), 200 if is_mild else known["status"])


def _carry_out(world: World, call: str, name: str, body: bytes) -> Answer:
    desk = world.desk
    match call:
        case "balance":
            currency = {"currency": "TRY"} if world.settings.has("names_currency") else {}
            return _succeed(world, {"balance": Raw(world.balance_json()), **currency})
        case "init":
            status, fields = desk.init(body)
            return _succeed(world, {"locale": "tr", **fields}, status)
        case "auth":
            fields = desk.auth(body)
        case "cancel":
            fields = desk.cancel(name, body)
        case "retrieve":
            fields = desk.retrieve(body)
        case _:
            fields = desk.item(name)
    return _succeed(world, {"locale": "tr", **fields})


def _require_form(world: World, request: Request) -> None:
    """Refuse a request without locale or type, as documented, and one beyond the limit."""
    has = world.settings.has
    locale = parse_qs(request.query).get("locale", [""])[0]
    if has("locale_any_case"):
        locale = locale.lower()
    if locale not in ("tr", "en", *([""] if has("locale_optional") else [])):
        raise Refused("invalid", "locale must be tr or en")
    has_type = (request.header("Content-Type") or "").startswith("application/json")
    if not has_type and not has("content_type_optional"):
        raise Refused("invalid", "Content-Type must be application/json")
    if world.is_one_too_many():
        raise Refused("too_many")


def _succeed(world: World, fields: dict[str, Any], status: int = 200) -> Answer:
    has, now = world.settings.has, time.time() - (3600 if world.settings.has("hour_behind") else 0)
    clock = {} if has("no_clock") else {"systemTime": round(now) if has("seconds") else round(now * 1000)}
    signature = {"signature": "0" * 64} if has("signs_answers") else {}
    return Answer(status, to_json({"status": "success", **clock, **fields, **signature}).encode())


def _refuse(world: World, refusal: Refusal, status: int) -> Answer:
    fields = {
        "status": "failure",
        "errorCode": world.desk.answers.code(refusal.code),
        "errorMessage": refusal.message,
        "locale": "tr",
        "systemTime": round(time.time() * 1000),
    }
    return Answer(status, f"{to_json(fields)}\n".encode())
