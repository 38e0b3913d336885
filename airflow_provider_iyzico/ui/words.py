"""The page's texts in English and Turkish, side by side so that neither is forgotten."""

from __future__ import annotations

import re
from functools import cache

from airflow_provider_iyzico.ui.file_words import FILE_WORDS
from airflow_provider_iyzico.ui.month_words import MONTH_WORDS
from airflow_provider_iyzico.ui.payout_words import PAYOUT_WORDS

LANGUAGES = ("en", "tr")
_ACCEPTED = re.compile(r"\s*([a-zA-Z]{1,8})(?:-[\w-]+)?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*\Z")

WORDS: dict[str, tuple[str, str]] = {
    **PAYOUT_WORDS,
    **MONTH_WORDS,
    **FILE_WORDS,
    "title": ("Mass payout balance", "Toplu ödeme bakiyesi"),
    "account": ("Account", "Hesap"),
    "environment_production": ("Production", "Canlı ortam"),
    "environment_sandbox": ("Sandbox: no real money", "Deneme ortamı: tutarlar gerçek değildir"),
    "environment_short_production": ("production", "canlı"),
    "environment_short_sandbox": ("sandbox", "deneme"),
    "loading": ("Loading …", "Yükleniyor …"),
    "needs_script": ("This page needs JavaScript.", "Bu sayfa için JavaScript gereklidir."),
    # the balance now
    "balance_now": ("Balance", "Bakiye"),
    "seen": ("as of {moment} ({age})", "{moment} itibarıyla ({age})"),
    "seen_by": ("recorded by {dag}", "kaydeden: {dag}"),
    "is_fresh": ("up to date", "güncel"),
    "is_stale": ("out of date", "güncel değil"),
    "below_threshold": ("below the threshold of {amount}", "{amount} eşiğinin altında"),
    "above_threshold": ("threshold: {amount}", "eşik: {amount}"),
    "seen_ahead": (
        "as of {moment}, which is in the future: a clock is wrong",
        "{moment} itibarıyla; bu ileri bir tarih, sistem saatlerinden biri yanlış",
    ),
    "is_ahead": ("dated in the future", "ileri tarihli"),
    "just_now": ("just now", "az önce"),
    "at_once": ("at once", "beklemedi"),
    "clocks_differ": ("clocks differ", "sistem saatleri uyuşmuyor"),
    # runway
    "runway": ("How long it lasts", "Bakiye kaç gün yeter"),
    "runway_window": ("based on the last {days} days", "son {days} güne göre"),
    "runway_unknown": ("unknown", "bilinmiyor"),
    "runway_none": ("No whole day has passed yet.", "Henüz tamamlanmış bir gün yok."),
    "runway_observed": ("days with observations: {observed} of {days}", "{days} günün {observed} gününde gözlem var"),
    "runway_nothing": ("no outflow", "çıkış yok"),
    "runway_average": ("average outflow {amount} a day", "günlük ortalama çıkış {amount}"),
    "runway_p90": ("{days} if every day is a busy one ({amount} a day)", "her gün yoğun geçerse {days} (günlük çıkış {amount})"),
    # the period
    "period": ("Period", "Dönem"),
    "day": ("Day", "Gün"),
    "week": ("Week", "Hafta"),
    "month": ("Month", "Ay"),
    "year": ("Year", "Yıl"),
    "from": ("From", "Başlangıç"),
    "to": ("To", "Bitiş"),
    "earlier": ("Previous period", "Önceki dönem"),
    "later": ("Next period", "Sonraki dönem"),
    # the chart
    "chart": ("Balance over time", "Bakiyenin seyri"),
    "chart_keys": ("The arrow keys move along the line.", "Ok tuşlarıyla çizgi üzerinde ilerleyebilirsiniz."),
    "chart_empty": ("There are no observations in this period.", "Bu dönemde gözlem yok."),
    "line_balance": ("Balance", "Bakiye"),
    "line_closing": ("Closing balance", "Kapanış bakiyesi"),
    "line_range": ("Lowest to highest", "En düşük – en yüksek"),
    "line_threshold": ("Threshold", "Eşik"),
    "line_opened": ("Payout: balance sufficient", "Ödeme: bakiye yeterli"),
    "line_waiting": ("Payout: waiting", "Ödeme: bekliyor"),
    "line_ended": ("Payout: balance not confirmed", "Ödeme: bakiye doğrulanmadı"),
    "gate_needs": ("{dag} required {amount}", "{dag}: gereken tutar {amount}"),
    "time_zone": (
        "Times are in the time zone {zone}. A gap in the line is a time without observations.",
        "Saatler {zone} saat dilimindedir. Çizgideki boşluklar, gözlem olmayan süreleri gösterir.",
    ),
    "download": ("CSV", "CSV"),
    "download_of": ("Download as {kind}: {what}", "{kind} olarak indir: {what}"),
    # tables
    "gates": ("Balance checks before payouts", "Ödeme öncesi bakiye kontrolleri"),
    "gates_empty": ("There was no balance check in this period.", "Bu dönemde bakiye kontrolü yapılmadı."),
    "gates_most": ("The newest {count} are shown.", "En yeni {count} kayıt gösteriliyor."),
    "days": ("Day by day", "Günlük döküm"),
    "days_empty": ("There are no days to show.", "Gösterilecek gün yok."),
    "yes": ("yes", "evet"),
    "no": ("no", "hayır"),
    "outcome_opened": ("balance sufficient", "bakiye yeterli oldu"),
    "outcome_waiting": ("waiting", "bekliyor"),
    "outcome_timed_out": ("timed out", "süre doldu"),
    "outcome_failed": ("failed", "hata aldı"),
    "outcome_lost": ("end not recorded", "sonu kaydedilmedi"),
    # why a balance check did not succeed, by the codes of reasons.py
    "reason_too_low": (
        "The balance did not reach the required amount in time.",
        "Bakiye, bekleme süresi içinde gereken tutara ulaşmadı.",
    ),
    "reason_not_seen": ("iyzico did not return a balance in time.", "Bekleme süresi içinde iyzico'dan bakiye alınamadı."),
    "reason_lost": ("The task ended without recording its outcome.", "Görev, sonucu kaydedilmeden sona erdi."),
    "reason_keys_refused": ("iyzico refused the API keys.", "iyzico, API anahtarlarını kabul etmedi."),
    "reason_certificate": ("iyzico's certificate could not be verified.", "iyzico'nun güvenlik sertifikası doğrulanamadı."),
    "reason_configuration": ("The Connection or a setting is wrong.", "Bağlantı bilgilerinden ya da ayarlardan biri hatalı."),
    "reason_amount": ("An amount is not valid.", "Tutarlardan biri geçersiz."),
    "reason_refused": ("iyzico refused the request.", "iyzico isteği reddetti."),
    "reason_answer": ("iyzico's answer does not match its documentation.", "iyzico'nun yanıtı, belgelerindeki tanıma uymuyor."),
    "reason_no_answer": ("iyzico did not answer.", "iyzico yanıt vermedi."),
    "reason_no_such_payout": ("iyzico knows no such payout.", "iyzico'da böyle bir ödeme yok."),
    "reason_unknown": ("The outcome at iyzico is unknown.", "İşlemin iyzico'daki sonucu belirsiz."),
    "reason_clock": ("A clock is wrong.", "Sistem saatlerinden biri yanlış."),
    "reason_event": ("The wait could not be resumed.", "Bekleme kaldığı yerden sürdürülemedi."),
    "reason_ledger": ("The money could not be set aside.", "Tutar bloke edilemedi."),
    "reason_warehouse": ("The warehouse could not be used.", "Veri ambarı kullanılamadı."),
    "reason_execution_timeout": (
        "The task ran longer than its execution_timeout.",
        "Görevin çalışma süresi (execution_timeout) doldu.",
    ),
    "reason_stopped": ("The task was stopped.", "Görev durduruldu."),
    "reason_trigger": ("Airflow's triggerer had a problem.", "Airflow'un triggerer sürecinde sorun oluştu."),
    "reason_unexpected": ("There was an unexpected error.", "Beklenmeyen bir hata oluştu."),
    "column_environment": ("Environment", "Ortam"),
    "column_account": ("Account", "Hesap"),
    "column_observed_at_utc": ("Observed at (UTC)", "Gözlem zamanı (UTC)"),
    "column_gap": ("Longest gap", "En uzun gözlemsiz süre"),
    "column_observed_at": ("Observed at", "Gözlem zamanı"),
    "column_balance": ("Balance", "Bakiye"),
    "column_currency": ("Currency", "Para birimi"),
    "column_local_date": ("Day", "Gün"),
    "column_opening": ("Opening", "Açılış"),
    "column_closing": ("Closing", "Kapanış"),
    "column_lowest": ("Lowest", "En düşük"),
    "column_highest": ("Highest", "En yüksek"),
    "column_net_change": ("Net change", "Net değişim"),
    "column_inflow": ("Inflow", "Giren"),
    "column_outflow": ("Outflow", "Çıkan"),
    "column_observations": ("Observations", "Gözlem sayısı"),
    "column_longest_gap_minutes": ("Longest gap (minutes)", "En uzun gözlemsiz süre (dakika)"),
    "column_is_complete": ("Complete", "Eksiksiz"),
    "column_waiting_since": ("Waiting since", "Bekleme başlangıcı"),
    "column_ended_at": ("Ended at", "Bekleme bitişi"),
    "column_minutes_waited": ("Waited (minutes)", "Bekleme süresi (dakika)"),
    "column_waited": ("Waited", "Bekleme süresi"),
    "column_outcome": ("Outcome", "Sonuç"),
    "column_required": ("Required", "Gereken tutar"),
    "column_first_balance": ("Balance at start", "Başlangıçtaki bakiye"),
    "column_shortfall_at_start": ("Shortfall at start", "Başlangıçtaki eksik tutar"),
    "column_last_balance": ("Last balance", "Son bakiye"),
    "column_polls": ("Polls", "Sorgu sayısı"),
    "column_dag_id": ("DAG", "DAG"),
    "column_task_id": ("Task", "Görev"),
    "column_run_id": ("Run", "Çalıştırma"),
    "column_map_index": ("Map index", "Alt görev sırası"),
    "column_reason_code": ("Reason", "Neden"),
    "column_reason": ("Message", "Özgün mesaj"),
    # when there is nothing to show
    "for_the_administrator": ("For your Airflow administrator:", "Airflow yöneticisi için:"),
    "try_again": ("Try again", "Yeniden dene"),
    "bad_request_title": ("This request cannot be answered", "Bu istek yanıtlanamıyor"),
    "bad_request_advice": ("Go back and choose again.", "Geri dönüp yeniden seçin."),
    "bad_period_title": ("This period cannot be shown", "Bu dönem gösterilemiyor"),
    "bad_period_advice": (
        "Choose at most {days} days. The last day must not be before the first.",
        "En çok {days} gün seçin. Bitiş günü başlangıçtan önce olamaz.",
    ),
    "not_signed_in_title": ("You are not signed in", "Oturum açmadınız"),
    "not_signed_in_advice": (
        "Sign in to Airflow, then open this page again.",
        "Airflow'da oturum açın, sonra bu sayfayı yeniden açın.",
    ),
    "no_right_title": ("You may not see this page", "Bu sayfayı görme yetkiniz yok"),
    "no_right_advice": (
        "Ask your Airflow administrator for the right to see plugins (the role Viewer has it).",
        "Airflow yöneticinizden eklentileri görme yetkisi isteyin (bu yetki Viewer rolünde vardır).",
    ),
    "not_found_title": ("There is no such page or account", "Böyle bir sayfa ya da hesap yok"),
    "not_found_advice": ("Go back and choose another.", "Geri dönüp başka birini seçin."),
    "empty_title": ("No balance has been recorded yet", "Henüz bakiye kaydı yok"),
    "empty_advice": (
        "Figures appear here as soon as a DAG with MassPayoutBalanceOperator has run. The package's README shows one.",
        "MassPayoutBalanceOperator içeren bir DAG çalıştığında tutarlar burada görünür. Paketin README dosyasında bir örnek var.",
    ),
    "no_connection_title": ("The warehouse is not connected", "Veri ambarı bağlı değil"),
    "no_connection_advice": (
        "Add a Connection to the warehouse in Airflow, and name it in the configuration: [iyzico] warehouse_conn_id. "
        "Without that setting, the page uses iyzico_warehouse.",
        "Airflow'da veri ambarı için bir bağlantı (Connection) ekleyin ve adını yapılandırmada belirtin: "
        "[iyzico] warehouse_conn_id. Bu ayar yoksa sayfa iyzico_warehouse bağlantısını kullanır.",
    ),
    "unsupported_title": ("The page cannot read this warehouse", "Sayfa bu veri ambarını okuyamıyor"),
    "unsupported_advice": (
        "Query its views or its snapshot table instead.",
        "Bunun yerine oradaki görünümleri ya da bakiye kayıtları tablosunu sorgulayın.",
    ),
    "no_views_title": ("The reports are missing, or belong to another version", "Raporlar eksik ya da başka bir sürüme ait"),
    "no_views_advice": (
        "Create the tables and views with the statements that this command prints: "
        "python -m airflow_provider_iyzico.warehouse ddl --dialect … "
        "Then run: python -m airflow_provider_iyzico.warehouse rebuild",
        "Tabloları ve görünümleri, şu komutun verdiği SQL ifadeleriyle oluşturun: "
        "python -m airflow_provider_iyzico.warehouse ddl --dialect … "
        "Ardından şu komutu çalıştırın: python -m airflow_provider_iyzico.warehouse rebuild",
    ),
    "no_grant_title": ("Airflow may not read the reports", "Airflow'un raporları okuma yetkisi yok"),
    "no_grant_advice": (
        "Grant the database role of the warehouse Connection the right to read the views.",
        "Veri ambarı bağlantısının veritabanı rolüne görünümleri okuma yetkisi verilmesini sağlayın.",
    ),
    "busy_title": ("Too many readers right now", "Şu anda sayfayı çok kişi kullanıyor"),
    "busy_advice": ("Try again in a moment.", "Birazdan yeniden deneyin."),
    "by_hand_title": ("A row cannot be shown", "Bir kayıt gösterilemiyor"),
    "by_hand_advice": (
        "A row of this account was written by hand, and its amount, time or number cannot be read. Have it corrected.",
        "Bu hesabın elle yazılmış bir kaydındaki tutar, zaman ya da sayı okunamıyor. Kaydın düzeltilmesini isteyin.",
    ),
    "unavailable_title": ("The warehouse did not answer", "Veri ambarı yanıt vermedi"),
    "unavailable_advice": (
        "Try again in a moment. If this lasts, the log of Airflow's api-server says why.",
        "Birazdan yeniden deneyin. Sorun sürerse nedenini Airflow api-server günlüğünde bulabilirsiniz.",
    ),
}


@cache
def words(language: str) -> dict[str, str]:
    """Return all texts in one language."""
    place = LANGUAGES.index(language)
    return {name: both[place] for name, both in WORDS.items()}


def preferred(accept_language: str, asked: str | None = None) -> str:
    """Return the language that was asked for, or else the one that ``Accept-Language`` prefers, or else English."""
    if asked in LANGUAGES:
        return asked
    accepted = [found.groups() for part in accept_language.split(",") if (found := _ACCEPTED.match(part))]
    liked = {language.lower(): float(quality or 1) for language, quality in reversed(accepted)}
    best = max(LANGUAGES, key=lambda language: liked.get(language, 0))
    return best if liked.get(best) else "en"
