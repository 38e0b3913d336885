import base64
import copy
import json
import pickle
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_iyzico.api import signing
from airflow_provider_iyzico.api.secrecy import PIECE, Recipients, Redactor, Secret, Unshown

KEY, SECRET = "sandbox-AKtqqVZ3kPjRQ9wLxyzKeyKey", "sandbox-SKhh7Nd2vTsecretSecret42"
SIGNATURE = signing.signature(SECRET, "0" * 32, "/v1/mass/payout/balance")
TOKEN = signing.authorization(KEY, "0" * 32, SIGNATURE).partition(" ")[2]
SECRETS = [KEY, SECRET, SIGNATURE, TOKEN]
redact = Redactor([Secret(secret) for secret in SECRETS])

DISGUISES = {
    "whole": lambda secret: secret,
    "lower case": str.lower,
    "upper case": str.upper,
    "percent-encoded": lambda secret: quote(secret, safe=""),
    "every letter percent-encoded": lambda secret: "".join(f"%{ord(char):02X}" for char in secret),
    "escaped as JSON": lambda secret: "".join(f"\\u{ord(char):04x}" for char in secret),
    "escaped as Python": lambda secret: "".join(f"\\x{ord(char):02x}" for char in secret),
    "escaped as HTML": lambda secret: "".join(f"&#{ord(char)};" for char in secret),
    "escaped as HTML in hex": lambda secret: "".join(f"&#x{ord(char):x};" for char in secret),
    "with blanks between": lambda secret: " ".join(secret),
    "broken into lines": lambda secret: "-\n".join(secret[start : start + 5] for start in range(0, len(secret), 5)),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64, one off": lambda secret: base64.b64encode(f"x{secret}".encode()).decode(),
    "base64, two off": lambda secret: base64.b64encode(f"xy{secret}z".encode()).decode(),
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
    "hex": lambda secret: secret.encode().hex(),
    "hex with colons": lambda secret: secret.encode().hex(":").upper(),
    "the first half": lambda secret: secret[: len(secret) // 2],
    "the second half": lambda secret: secret[len(secret) // 2 :],
    "the middle": lambda secret: secret[12:24],
}


def shared(text, secret):
    """Return the longest piece of a secret, but for its prefix, that stands in a text: another way to look than the redactor's."""
    secret = secret.removeprefix("sandbox-").lower()
    text = text.lower()
    return max(
        (end - start for start in range(len(secret)) for end in range(start + 1, len(secret) + 1) if secret[start:end] in text),
        default=0,
    )


@pytest.mark.parametrize("secret", SECRETS, ids=["key", "secret", "signature", "token"])
@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_secret_is_blotted_out_however_it_is_written(secret, disguise):
    disguised = DISGUISES[disguise]
    written = disguised(secret)
    said = redact(f"Unknown merchant: {written}, try another")
    assert said.startswith("Unknown merchant: ")
    assert said.endswith(", try another")
    assert "***" in said
    prefix = disguised("sandbox-") if secret.startswith("sandbox-") else ""  # which is no secret
    assert shared(said.replace(prefix, ""), written[len(prefix) :]) < PIECE
    assert shared(said, secret) < PIECE


@given(st.integers(0, 400), st.sampled_from(SECRETS), st.integers(PIECE, 40), st.integers(0, 400))
def test_a_piece_is_blotted_out_wherever_it_stands(before, secret, length, after):
    piece = secret.removeprefix("sandbox-")[:length]
    said = redact("." * before + piece + "." * after)
    assert piece not in said
    assert shared(said, secret) < PIECE
    assert said.startswith("." * before)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Invalid signature: the apiKey of the sandbox is unknown; randomKey missing",
        "Geçersiz imza, apiKey bulunamadı",
        "Use sandbox-api.iyzipay.com with a sandbox-... key",
        "100% of 12345678.90 TRY &amp; &#8378; \\u20ba",
        "error 5000 at 2026-11-25T18:00:00Z, request 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    ],
)
def test_text_without_a_secret_stays_as_it_is(words):
    assert redact(words) == words


def test_keys_that_are_short_are_blotted_out_whole():
    assert Redactor([Secret("sandbox-k1")])("bad key sandbox-k1!") == "bad key ***!"


@given(st.text(), st.lists(st.text(min_size=1), max_size=3))
def test_any_text_can_be_redacted(text, secrets):
    said = Redactor([Secret(secret) for secret in secrets])(text)
    assert not any(secret in said for secret in secrets if "*" not in secret)


@dataclass(frozen=True)
class Holder:
    key: Secret[str]


def test_a_secret_is_shown_only_when_it_is_asked_for():
    secret = Secret(KEY)
    shown = f"{secret} {secret!r} {secret!s} {[secret]} {Holder(secret)} {secret:>10} %s %r" % (secret, secret)
    assert "AKtqq" not in shown
    assert secret.reveal() == KEY
    assert (secret, hash(secret)) == (Secret(KEY), hash(Secret(KEY)))
    assert secret not in (Secret(SECRET), KEY)
    assert copy.copy(secret) is copy.deepcopy(secret) is secret
    for write in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError):
            write(Holder(secret))
    assert not hasattr(secret, "__dict__")
    assert "AKtqq" not in repr(redact)


@pytest.mark.parametrize(
    "iban",
    [
        "TR330006100519786457841326",
        "tr330006100519786457841326",
        "TR33 0006 1005 1978 6457 8413 26",
        "GB29 NWBK 6016 1331 9268 19",
        "MT84MALT011000012345MTLCAST001S",
        "NO93 8601 1117 947",
        "DE89-3704-0044-0532-0130-00",
    ],
)
def test_whatever_looks_like_an_iban_is_blotted_out(iban):
    assert Recipients()(f"the account {iban} is closed") == "the account *** is closed"


PHONES = ["(532) 123 45 67", "(0532) 123 45 67", "0 (532) 123-45-67", "0532-123-45-67", "0532.123.45.67", "+90 (532) 123 45 67"]


@pytest.mark.parametrize("phone", [*PHONES, "0090-532-1234567", "+49 (151) 2345-6789"])
def test_a_phone_is_blotted_out_however_it_is_grouped(phone):
    assert Recipients()(f"the phone {phone} is unknown") == "the phone *** is unknown"


@pytest.mark.parametrize("number", ["10000000146", "+905321234567", "+90 532 123 45 67", "0532 123 45 67", "123456789"])
def test_whatever_is_as_long_as_a_phone_or_an_identity_number_is_blotted_out(number):
    assert Recipients()(f"no: {number}.") == "no: ***."


@pytest.mark.parametrize(
    "text",
    [
        "code 100001",
        "payout-2026-11-0001",
        "salaries-20261101",
        "1500.75 TRY",
        "12.500.000,75 + 512.500.00 TRY",
        "since 2026-11-29 23:31:02",
        "TR33 is short",
        "item x-12",
    ],
)
def test_what_is_no_recipient_stays(text):
    assert Recipients(["Ayşe Yılmaz", "", "x"])(text) == text


@pytest.mark.parametrize("written", ["İrem Işık", "IREM ISIK", "irem ışık", "İREM IŞIK", "Irem Isik"])
def test_a_name_is_blotted_out_however_it_is_cased(written):
    assert Recipients(["İrem Işık"])(f"{written}'ın hesabı") == "*** ***'ın hesabı"


def test_a_name_is_blotted_out_between_underscores():
    assert Recipients(["İrem Işık"])("REFUSED_IREM_ISIK") == "REFUSED_***_***"


def test_unshown_bytes_are_sent_and_not_shown():
    body = Unshown(b"secret")
    assert (repr(body), f"{body!r}", bytes(body), len(body)) == ("***", "***", b"secret", 6)
