"""A client of the tests' own, which shares nothing with ours: raw requests, signed as iyzico documents."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import urllib.error
import urllib.request
from decimal import Decimal

from airflow_provider_iyzico.simulator import Simulator
from airflow_provider_iyzico.simulator.world import API_KEY, SECRET_KEY

ROOT = "/v1/mass/payout"
BALANCE_PATH = f"{ROOT}/balance"
GOOD_IBAN = "TR330006100519786457841326"
BAD_IBAN = "TR330006100519786457841327"


#: Of a larger answer the rest is left unread.
LARGEST = 4 * 1024 * 1024


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follow nothing."""

    def redirect_request(self, *arguments):
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)


def header(path=BALANCE_PATH, body=b"", api_key=API_KEY, secret_key=SECRET_KEY, random_key="1234567890"):
    digest = hmac.new(secret_key.encode(), random_key.encode() + path.encode() + body, hashlib.sha256).hexdigest()
    token = f"apiKey:{api_key}&randomKey:{random_key}&signature:{digest}"
    return f"IYZWSv2 {base64.b64encode(token.encode()).decode()}"


def ask_raw(
    simulator,
    authorization=None,
    target=f"{BALANCE_PATH}?locale=tr",
    method="GET",
    body=None,
    content_type="application/json",
    timeout=60,
):
    """Return status and body as they came."""
    headers = {"Content-Type": content_type} if content_type else {}
    if authorization:
        headers["Authorization"] = authorization
    request = urllib.request.Request(f"{simulator.url}{target}", body, headers, method=method)
    try:
        with _OPENER.open(request, timeout=timeout) as answer:
            return answer.status, answer.read(LARGEST)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def ask(simulator, *arguments, **options):
    status, body = ask_raw(simulator, *arguments, **options)
    return status, json.loads(body, parse_float=str)


def control(simulator, target="/simulator", method="GET", **wishes):
    return ask(simulator, target=target, method=method, body=json.dumps(wishes).encode() if wishes else None)


def item(item_external_id="i1", value="100.50", **changes):
    """Return a good item; ``value`` is written into JSON as it is."""
    fields = {
        "itemExternalId": item_external_id,
        "recipientType": "IBAN",
        "recipientInfo": GOOD_IBAN,
        "amount": {"value": Number(value) if isinstance(value, str) else value, "currency": "TRY"},
        "description": "November",
        "recipientName": "Ayşe Yılmaz",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not ...}


class Number(str):
    """Digits that stand in JSON without quotes."""


def to_json(value):
    match value:
        case Number():
            return str(value)
        case dict():
            return "{" + ",".join(f"{json.dumps(name)}:{to_json(each)}" for name, each in value.items()) + "}"
        case list():
            return "[" + ",".join(map(to_json, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


class Client:
    """The six calls. Each returns the HTTP status and the answer, whose numbers are texts or whole numbers."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    def call(self, method, path, body=b"", **options):
        options.setdefault("target", f"{path}?locale=tr")
        return ask(self.simulator, header(path, body), method=method, body=body or None, **options)

    def post(self, name, fields, **options):
        return self.call("POST", f"{ROOT}/{name}", to_json(fields).encode(), **options)

    def init(self, *items, external_id="salaries-1", **changes):
        fields = {"externalId": external_id, "conversationId": "c1", "items": list(items or [item()]), **changes}
        return self.post("init", {name: value for name, value in fields.items() if value is not ...})

    def start(self, *items, **changes):
        """Init, and return the request id."""
        status, answer = self.init(*items, **changes)
        assert (status, answer["status"]) == (200, "success"), answer
        return answer["requestId"]

    def auth(self, request_id):
        return self.post("auth", {"requestId": request_id})

    def cancel(self, request_id, body=b""):
        return self.call("POST", f"{ROOT}/cancel/{request_id}", body)

    def retrieve(self, request_id=None, page=0, size=40, **more):
        fields = {"requestId": request_id, "page": page, "size": size, **more}
        return self.post("retrieve", {name: value for name, value in fields.items() if value is not None})

    def item(self, reference_code):
        return self.call("GET", f"{ROOT}/retrieve/items/{reference_code}")

    def balance(self):
        return Decimal(str(self.call("GET", BALANCE_PATH)[1]["balance"]))

    def statuses(self, request_id):
        """Return the batch's status, and those of its items."""
        answer = self.retrieve(request_id, size=1000)[1]
        return answer["massPayout"]["massPayoutStatus"], [each["itemStatus"] for each in answer["massPayoutItems"]["items"]]
