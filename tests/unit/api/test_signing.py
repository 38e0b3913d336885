import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_iyzico.api import signing

VECTORS = json.loads(Path(__file__).with_name("signing-vectors.json").read_text(encoding="utf-8"))
PUBLISHED = VECTORS["publishedHeaderWithoutSecret"]
SIGNED = [vector for vector in VECTORS["vectors"] if vector["signedPath"]]
NOT_OURS = [vector for vector in VECTORS["vectors"] if not vector["signedPath"]]


@pytest.mark.parametrize("vector", SIGNED, ids=lambda vector: vector["name"])
def test_every_vector_of_the_official_client_is_reproduced(vector):
    signature = signing.signature(vector["secretKey"], vector["randomKey"], vector["signedPath"], vector["body"].encode())
    assert signature == vector["signatureHex"]
    assert signing.authorization(vector["apiKey"], vector["randomKey"], signature) == vector["authorization"]


@pytest.mark.parametrize("vector", NOT_OURS, ids=lambda vector: vector["name"])
def test_variants_that_sign_the_query_or_a_body_nobody_sends_are_not_ours(vector):
    path = vector["requestTarget"].partition("?")[0]
    assert signing.signature(vector["secretKey"], vector["randomKey"], path) != vector["signatureHex"]


def test_the_published_header_has_the_layout_that_we_write():
    decoded = dict(part.split(":", 1) for part in PUBLISHED["decoded"].split("&"))
    written = signing.authorization(decoded["apiKey"], decoded["randomKey"], decoded["signature"])
    assert written == PUBLISHED["authorization"]


@pytest.mark.parametrize("path", ["/v1/mass/payout/balance?locale=tr", "v1/mass/payout/balance", ""])
def test_a_path_with_a_query_or_without_a_slash_is_not_signed(path):
    with pytest.raises(ValueError, match="path"):
        signing.signature("secret", "random", path)


def test_random_keys_have_128_bits_and_never_come_twice():
    keys = [signing.new_random_key() for _ in range(100_000)]
    assert len(set(keys)) == len(keys)
    assert all(len(bytes.fromhex(key)) == 16 for key in keys)


@given(st.text(min_size=1), st.text(), st.text(alphabet=st.characters(exclude_characters="?")), st.binary())
def test_the_signature_is_the_hmac_of_random_key_path_and_body(secret, random_key, path, body):
    secret, random_key, path = (text.encode("utf-8", "ignore").decode() for text in (secret, random_key, path))
    message = random_key.encode() + b"/" + path.encode() + body
    expected = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    assert signing.signature(secret, random_key, f"/{path}", body) == expected


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60), st.integers(0, 9))
def test_the_prefix_begins_every_header_of_its_key(api_key, number):
    header = signing.authorization(api_key, signing.new_random_key(), "0" * 64)
    prefix = signing.authorization_prefix(api_key)
    assert header.startswith(prefix)
    shown = base64.b64decode(prefix.partition(" ")[2]).decode()
    assert shown.startswith(f"apiKey:{api_key}")
