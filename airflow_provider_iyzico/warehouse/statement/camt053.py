"""A statement as ISO 20022's camt.053.001.08, the XML that banks send."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from xml.etree import ElementTree as ET

from airflow_provider_iyzico.warehouse.local_day import time_zone
from airflow_provider_iyzico.warehouse.statement.amounts import account_name, check_format, plain
from airflow_provider_iyzico.warehouse.statement.entries import Entry, Kind, Statement
from airflow_provider_iyzico.warehouse.statement.words import remarks, text_of

NAME = "camt.053"
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
_ACCOUNT_LETTERS, _REFERENCE_LETTERS, _TEXT_LETTERS, _DIGITS = 34, 35, 500, 18
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: Our own codes of what an entry is. ISO's say more than anybody knows of money that came in or is unexplained.
CODES = {
    Kind.CAME_IN: "CAME-IN",
    Kind.PAYOUT: "PAYOUT",
    Kind.COMMISSION: "COMMISSION",
    Kind.RETURN: "RETURN",
    Kind.COMMISSION_RETURN: "COMMISSION-RETURN",
    Kind.UNEXPLAINED: "UNEXPLAINED",
}
_ISSUER = "airflow-provider-iyzico"


def as_camt053(statement: Statement, language: str, created_at: datetime) -> bytes:
    """Return the whole file, one message with one statement.

    :param created_at: when it is made
    :raises WarehouseStatementError: an amount or the account's name does not fit
    """
    account = _xml(account_name(statement.whose))
    check_format(statement, NAME, account, most_letters=_ACCOUNT_LETTERS, most_digits=_DIGITS)
    name = f"{statement.month}-{statement.whose.currency}-{sha256(str(statement.whose).encode()).hexdigest()[:12]}"
    created = created_at.isoformat(timespec="seconds")
    document = ET.Element("Document", xmlns=NAMESPACE)
    message = ET.SubElement(document, "BkToCstmrStmt")
    header = ET.SubElement(message, "GrpHdr")
    _put(header, "MsgId", name)
    _put(header, "CreDtTm", created)
    body = ET.SubElement(message, "Stmt")
    _put(body, "Id", name)
    _put(body, "ElctrncSeqNb", statement.month.replace("-", ""))
    _put(body, "CreDtTm", created)
    zone = time_zone(statement.report_timezone)
    _put(body, "FrToDt/FrDtTm", statement.starts_at.astimezone(zone).isoformat())
    _put(body, "FrToDt/ToDtTm", (statement.ends_at - timedelta(seconds=1)).astimezone(zone).isoformat())
    _put(body, "Acct/Id/Othr/Id", account)
    _put(body, "Acct/Id/Othr/SchmeNm/Prtry", "account label")
    _put(body, "Acct/Id/Othr/Issr", f"iyzico {_xml(statement.whose.environment)}")
    _put(body, "Acct/Ccy", statement.whose.currency)
    _balance(body, "OPBD", statement.opening_date, statement, statement.opening)
    _balance(body, "CLBD", statement.closing_date, statement, statement.closing)
    _summary(body, statement)
    for entry in statement.entries:
        _entry(ET.SubElement(body, "Ntry"), entry, statement.whose.currency, language)
    if last := remarks(statement, language):
        _put(body, "AddtlStmtInf", last[:_TEXT_LETTERS])
    ET.indent(document)
    written: bytes = ET.tostring(document, encoding="UTF-8", xml_declaration=True)
    return written + b"\n"


def _balance(body: ET.Element, code: str, day: date, statement: Statement, amount: Decimal) -> None:
    balance = ET.SubElement(body, "Bal")
    _put(balance, "Tp/CdOrPrtry/Cd", code)
    _amount(balance, amount, statement.whose.currency)
    _put(balance, "Dt/Dt", day.isoformat())


def _summary(body: ET.Element, statement: Statement) -> None:
    amounts = [entry.amount for entry in statement.entries]
    net = statement.closing - statement.opening
    ways = {
        "TtlNtries": amounts,
        "TtlCdtNtries": [each for each in amounts if each > 0],
        "TtlDbtNtries": [each for each in amounts if each < 0],
    }
    summary = ET.SubElement(body, "TxsSummry")
    for name, found in ways.items():
        total = ET.SubElement(summary, name)
        _put(total, "NbOfNtries", str(len(found)))
        _put(total, "Sum", plain(sum(map(abs, found), Decimal(0))))
        if name == "TtlNtries":
            _put(total, "TtlNetNtry/Amt", plain(abs(net)))
            _put(total, "TtlNetNtry/CdtDbtInd", _mark(net))


def _entry(node: ET.Element, entry: Entry, currency: str, language: str) -> None:
    _put(node, "NtryRef", f"{entry.local_date:%y%m}-{entry.number:06}")
    _amount(node, entry.amount, currency)
    _put(node, "Sts/Cd", "BOOK")
    _put(node, "BookgDt/Dt", entry.local_date.isoformat())
    _put(node, "ValDt/Dt", entry.local_date.isoformat())
    _put(node, "BkTxCd/Prtry/Cd", CODES[entry.kind])
    _put(node, "BkTxCd/Prtry/Issr", _ISSUER)
    batch = _xml(entry.external_id or "")
    fits = 0 < len(batch) <= _REFERENCE_LETTERS
    if fits:
        _put(node, "NtryDtls/Btch/PmtInfId", batch)
    if entry.items:
        _put(node, "NtryDtls/Btch/NbOfTxs", str(entry.items))
    _put(node, "AddtlNtryInf", _xml(text_of(entry, language))[:_TEXT_LETTERS])


def _amount(node: ET.Element, amount: Decimal, currency: str) -> None:
    _put(node, "Amt", plain(abs(amount)))
    node[-1].set("Ccy", currency)
    _put(node, "CdtDbtInd", _mark(amount))


def _mark(amount: Decimal) -> str:
    return "DBIT" if amount < 0 else "CRDT"


def _put(node: ET.Element, path: str, text: str) -> None:
    """Write a text into an element below ``node``, and make what is missing on the way to it. The last one is always new."""
    *way, last = path.split("/")
    for name in way:
        is_there = len(node) > 0 and node[-1].tag == name
        node = node[-1] if is_there else ET.SubElement(node, name)
    ET.SubElement(node, last).text = text


def _xml(text: str) -> str:
    """Return a text without characters that XML has no place for."""
    return _NOT_XML.sub("?", text)
