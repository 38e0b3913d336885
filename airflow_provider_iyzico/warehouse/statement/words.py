"""What entries and balances are called, in English and Turkish."""

from __future__ import annotations

from airflow_provider_iyzico.warehouse.statement.amounts import plain
from airflow_provider_iyzico.warehouse.statement.entries import Entry, Kind, Statement

_WORDS = {
    "en": {
        Kind.CAME_IN: "came in",
        Kind.PAYOUT: "payout",
        Kind.COMMISSION: "commission",
        Kind.RETURN: "return",
        Kind.COMMISSION_RETURN: "commission returned",
        Kind.UNEXPLAINED: "unexplained",
        "opening": "opening balance",
        "closing": "closing balance",
        "items": "{} items",
        "one_item": "1 item",
        "unseen": "covers {} to {}, without snapshots",
        "unseen_day": "covers {}, without snapshots",
        "last_seen": "last snapshot of the month on {}",
        "complete": "{} of {} days are complete",
        "under_way": "under way at the end of the month: {}",
        "environment": "Environment",
        "account": "Account",
        "currency": "Currency",
        "local_date": "Day",
        "entry": "Entry",
        "external_id": "Batch",
        "item_count": "Items",
        "amount": "Amount",
        "balance": "Balance",
        "note": "Note",
        "production": "production",
        "sandbox": "sandbox",
    },
    "tr": {
        Kind.CAME_IN: "giren (iade dışı)",
        Kind.PAYOUT: "ödeme",
        Kind.COMMISSION: "komisyon",
        Kind.RETURN: "iade",
        Kind.COMMISSION_RETURN: "komisyon iadesi",
        Kind.UNEXPLAINED: "açıklanamayan fark",
        "opening": "açılış bakiyesi",
        "closing": "kapanış bakiyesi",
        "items": "{} ödeme kalemi",
        "one_item": "1 ödeme kalemi",
        "unseen": "{} ile {} arasındaki, bakiye kaydı olmayan günler dahil",
        "unseen_day": "bakiye kaydı olmayan {} günü dahil",
        "last_seen": "ayın son bakiye kaydı {} tarihli",
        "complete": "{1} günün {0} tanesi eksiksiz",
        "under_way": "ay sonunda sonucu beklenen: {}",
        "environment": "Ortam",
        "account": "Hesap",
        "currency": "Para birimi",
        "local_date": "Gün",
        "entry": "Hesap hareketi",
        "external_id": "Toplu ödeme",
        "item_count": "Kalem sayısı",
        "amount": "Tutar",
        "balance": "Bakiye",
        "note": "Not",
        "production": "canlı",
        "sandbox": "deneme",
    },
}
LANGUAGES = tuple(_WORDS)


def word(name: str, language: str) -> str:
    """Return what a column, a balance or an entry is called; an unknown name is its own word."""
    return _WORDS[language].get(name, name)


def note_of(entry: Entry, language: str) -> str:
    """Return which days without snapshots an entry covers, if it covers any."""
    if entry.unseen is None:
        return ""
    first, last = entry.unseen
    return word("unseen_day", language).format(first) if first == last else word("unseen", language).format(first, last)


def text_of(entry: Entry, language: str) -> str:
    """Return an entry as one text, such as ``payout salaries-2026-11, 2 items``."""
    named = " ".join(filter(None, (word(entry.kind, language), entry.external_id)))
    items = word("one_item" if entry.items == 1 else "items", language).format(entry.items) if entry.items else ""
    return ", ".join(filter(None, (named, items, note_of(entry, language))))


def remarks(statement: Statement, language: str) -> str:
    """Return what a reader must know of the closing balance, as one text; it is empty if there is nothing."""
    said = []
    if statement.last_seen_date != statement.closing_date:
        said.append(word("last_seen", language).format(statement.last_seen_date))
    if statement.complete_days != statement.days:
        said.append(word("complete", language).format(statement.complete_days, statement.days))
    if statement.under_way:
        said.append(word("under_way", language).format(plain(statement.under_way, "," if language == "tr" else ".")))
    return "; ".join(said)
