"""The simulator is only worth something if it refuses what iyzico would refuse. Its client here is not ours."""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import suppress

import pytest
from own_client import BALANCE_PATH as PATH
from own_client import ask, control, header

from airflow_provider_iyzico.simulator import Simulator


def test_a_signed_request_gets_the_documented_answer(box):
    status, answer = ask(box, header())
    assert status == 200
    assert set(answer) == {"status", "systemTime", "balance"}
    assert (answer["status"], answer["balance"]) == ("success", "1500.75")
    assert len(str(answer["systemTime"])) == 13


def test_the_official_vectors_are_believed_by_the_simulator():
    vector_path = os.path.join(os.path.dirname(__file__), "..", "api", "signing-vectors.json")
    with open(vector_path, encoding="utf-8") as file:
        vectors = {vector["name"]: vector for vector in json.load(file)["vectors"]}
    right = vectors["get_balance_tr_empty_body"]
    with Simulator("1", api_key=right["apiKey"], secret_key=right["secretKey"]) as box:
        assert ask(box, right["authorization"])[1]["status"] == "success"
        signed_query = vectors["variant_query_included_in_signature"]
        assert ask(box, signed_query["authorization"])[1]["errorCode"] == "1000"
        null_body = vectors["variant_python_sdk_get_null_body"]
        assert ask(box, null_body["authorization"])[1]["errorCode"] == "1000"
        assert ask(box, null_body["authorization"], body=b"null")[1]["status"] == "success"


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "1009"),
        ("Basic eDp5", "1007"),
        ("IYZWSv2", "1007"),
        ("IYZWSv2 !!!", "1007"),
        ("IYZWSv2 " + base64.b64encode(b"apiKey:x").decode(), "1007"),
        (header(api_key="sandbox-other"), "1001"),
        (header(secret_key="sandbox-other"), "1000"),
        (header(path=PATH + "/"), "1000"),
        (header(path=PATH + "?locale=tr"), "1000"),
        (header(body=b"{}"), "1000"),
    ],
)
@pytest.mark.parametrize("refusal_status", [200, 401])
def test_what_is_not_signed_right_is_refused_with_iyzicos_code(authorization, code, refusal_status):
    with Simulator("1", refusal_status=refusal_status) as box:
        status, answer = ask(box, authorization)
        assert (status, answer["status"], answer["errorCode"]) == (refusal_status, "failure", code)
        assert box.seen[0].refusal == code


@pytest.mark.parametrize(
    ("target", "content_type"),
    [(PATH, "application/json"), (f"{PATH}?locale=de", "application/json"), (f"{PATH}?locale=tr", None)],
)
def test_locale_and_content_type_are_required_as_documented(box, target, content_type):
    assert ask(box, header(), target, content_type=content_type)[0] == 400


@pytest.mark.parametrize("spell", [str.lower, str.upper, str.capitalize])
def test_names_of_headers_are_the_same_in_small_and_in_capital_letters(box, spell):
    headers = {"Authorization": header(), "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", box.port, timeout=5)
    connection.request("GET", f"{PATH}?locale=tr", headers={spell(name): value for name, value in headers.items()})
    assert json.load(connection.getresponse())["status"] == "success"
    connection.close()


def test_other_calls_are_not_pretended(box):
    assert ask(box, header(path="/v1/mass/payout/nothing"), "/v1/mass/payout/nothing?locale=tr")[0] == 404


@pytest.mark.parametrize(
    ("form", "balance", "written"),
    [
        ("number", "1500.75", "1500.75"),
        ("string", "1500.75", '"1500.75"'),
        ("scale8", "1500.75", "1500.75000000"),
        ("scale8", "0", "0E-8"),
        ("scale8_string", "0", '"0E-8"'),
        ("verbatim", "NaN", "NaN"),
    ],
)
def test_money_is_written_in_every_form(box, form, balance, written):
    box.set(form=form, balance=balance)
    assert box.world.balance_json() == written


def test_the_control_door_changes_and_tells_the_state(box):
    assert control(box, method="POST", balance="20.5", form="string", latency_seconds=0.1)[0] == 200
    state = {"balance": "20.5", "form": "string", "latency_seconds": "0.1", "fault": None, "habits": [], "requests": 0}
    assert control(box)[1].items() >= state.items()
    control(box, method="POST", fault={"kind": "429", "times": 1, "retry_after": "7"})
    assert control(box)[1]["fault"] == {"kind": "429", "times": 1, "retry_after": "7"}
    assert ask(box, header())[0] == 429
    assert control(box)[1]["fault"] is None


def test_a_habit_is_had_until_it_is_given_up(box):
    signed_query = header(path=f"{PATH}?locale=tr")
    assert control(box, method="POST", habits=["signs_query", "names_currency"])[1]["habits"] == ["names_currency", "signs_query"]
    assert ask(box, header())[1]["errorCode"] == "1000"
    assert ask(box, signed_query)[1]["currency"] == "TRY"
    control(box, method="POST", habits=[])
    assert ask(box, signed_query)[1]["errorCode"] == "1000"
    assert set(ask(box, header())[1]) == {"status", "systemTime", "balance"}


@pytest.mark.parametrize(
    ("habit", "authorization", "target", "content_type"),
    [
        ("signs_empty_object", header(body=b"{}"), f"{PATH}?locale=tr", "application/json"),
        ("locale_optional", header(), PATH, "application/json"),
        ("locale_any_case", header(), f"{PATH}?locale=TR", "application/json"),
        ("content_type_optional", header(), f"{PATH}?locale=tr", None),
    ],
)
def test_a_habit_lets_in_what_is_otherwise_refused(box, habit, authorization, target, content_type):
    assert ask(box, authorization, target, content_type=content_type)[1]["status"] == "failure"
    box.set(habits=[habit])
    assert ask(box, authorization, target, content_type=content_type)[1]["status"] == "success"


def test_a_random_key_may_be_used_again_unless_that_is_refused(box):
    assert [ask(box, header())[1]["status"] for _ in range(2)] == ["success"] * 2
    box.set(habits=["refuses_reuse"])
    assert ask(box, header())[1]["errorCode"] == "1000"
    assert ask(box, header(random_key="another"))[1]["status"] == "success"


def test_what_was_seen_is_told_without_the_headers_that_carry_keys(box):
    ask(box, header(random_key="abc"))
    (seen,) = control(box, "/simulator/seen")[1]
    assert (seen["method"], seen["path"], seen["query"], seen["random_key"]) == ("GET", PATH, "locale=tr", "abc")
    assert "headers" not in seen
    control(box, "/simulator/seen", "DELETE")
    assert box.seen == []


def test_a_client_that_hangs_up_within_its_request_has_asked_for_nothing(box):
    with socket.create_connection(("127.0.0.1", box.port)) as line:
        line.sendall(b"POST /v1/mass/payout/auth?locale=tr HTTP/1.1\r\nHost: simulator\r\nContent-Length: 20\r\n\r\n{")
        line.shutdown(socket.SHUT_WR)
        assert line.recv(1) == b""
    assert box.seen == []


@pytest.mark.parametrize(
    "wishes",
    [
        {"balance": "much"},
        {"balance": "1_000"},
        {"balance": "NaN"},
        {"form": "roman"},
        {"latency_seconds": -1},
        {"latency_seconds": "soon"},
        {"latency_seconds": True},
        {"fault": "gremlins"},
        {"habits": ["smokes"]},
        {"habits": None},
        {"fault": "200"},
        {"fault": {"kind": "500", "times": 0}},
        {"fault": {"kind": "429", "retryafter": 5}},
        {"fault": {"kind": "timeout", "seconds": 5}},
        {"colour": "red"},
    ],
    ids=str,
)
def test_an_order_that_makes_no_sense_changes_nothing_and_says_why(box, wishes):
    box.set(clock="stepped")
    before = control(box)[1]
    status, answer = control(box, method="POST", **wishes, **({"balance": "7"} if "balance" not in wishes else {}))
    assert status == 400
    assert answer["error"]
    assert control(box)[1] == before


@pytest.mark.parametrize(("target", "body"), [("/simulator", b"not json"), ("/simulator", b"[]")])
def test_the_control_door_wants_a_json_object(box, target, body):
    assert ask(box, target=target, method="POST", body=body)[0] == 400
    assert control(box, "/simulator/nothing")[0] == 404


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_from_the_command_line_and_ends_on_interrupt(number):
    port = free_port()
    command = [sys.executable, "-m", "airflow_provider_iyzico.simulator", "--port", str(port), "--balance", "12.34"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        first = process.stdout.readline()
        url = f"http://127.0.0.1:{port}"
        assert first.startswith(f"iyzico is simulated at {url} with 12.34")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}/simulator", timeout=60) as answer:
            assert json.load(answer)["balance"] == "12.34"
        process.send_signal(number)
        try:
            assert process.wait(60) == 0
        finally:
            process.kill()


def test_a_bad_balance_on_the_command_line_is_refused():
    command = [sys.executable, "-m", "airflow_provider_iyzico.simulator", "--balance", "lots"]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), timeout=120)
    assert done.returncode == 2
    assert "lots" in done.stderr


@pytest.mark.parametrize("port", ["taken", "99999"])
def test_a_port_that_cannot_be_had_is_named_with_what_to_do(box, port):
    port = str(box.port) if port == "taken" else port
    command = [sys.executable, "-m", "airflow_provider_iyzico.simulator", "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), timeout=120)
    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr


def test_it_cannot_be_started_twice(box):
    with pytest.raises(RuntimeError, match="already"):
        box.start()


def test_it_can_be_started_again():
    simulator = Simulator("1")
    for _ in range(2):
        with simulator:
            assert ask(simulator, header())[1]["status"] == "success"


def test_a_fault_waits_for_a_request_of_the_api(box):
    box.fail("500", times=1)
    assert ask(box, target="/favicon.ico")[0] == 404
    assert ask(box, header())[0] == 500


@pytest.mark.parametrize("status", [430, 499, 520, 599])
def test_a_status_that_nobody_registered_is_sent_as_well(box, status):
    box.fail(str(status))
    assert ask(box, header())[0] == status


def test_it_listens_on_this_machine_only(box):
    assert box._server.server_address[0] == "127.0.0.1"


def test_it_cannot_be_used_unless_it_runs():
    with pytest.raises(RuntimeError, match="with statement"):
        _ = Simulator("1").url


def listens(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def ends(process, within_seconds):
    with suppress(subprocess.TimeoutExpired):
        process.wait(within_seconds)
    return process.returncode is not None


def nobody_reads():
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize("output", [nobody_reads, lambda: os.open("/dev/full", os.O_WRONLY)], ids=["| head", "full disk"])
def test_a_command_whose_lines_cannot_be_written_goes_on(output):
    """Before, it ended, and said that it could not listen."""
    writer = output()
    port = free_port()
    command = [sys.executable, "-m", "airflow_provider_iyzico.simulator", "--port", str(port)]
    with subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        os.close(writer)
        try:
            while not listens(port):
                assert not ends(process, within_seconds=0.1)
            assert not ends(process, within_seconds=5)
            process.send_signal(signal.SIGINT)
            assert (process.communicate(timeout=60)[1], process.returncode) == ("", 0)
        finally:
            process.kill()
