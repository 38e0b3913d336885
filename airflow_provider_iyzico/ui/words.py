"""The page's words, in English and Turkish, side by side so that neither lags behind."""

from __future__ import annotations

import re
from functools import cache

LANGUAGES = ("en", "tr")
_ACCEPTED = re.compile(r"\s*([a-zA-Z]{1,8})(?:-[\w-]+)?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*\Z")

WORDS: dict[str, tuple[str, str]] = {
    "title": ("Mass payout balance", "Toplu ödeme bakiyesi"),
    "account": ("Account", "Hesap"),
    "environment_production": ("Production", "Canlı"),
    "environment_sandbox": ("Sandbox: play money", "Sandbox: deneme parası"),
    "loading": ("Loading …", "Yükleniyor …"),
    "needs_script": ("This page needs JavaScript.", "Bu sayfa için JavaScript gerekir."),
    # the balance now
    "balance_now": ("Balance", "Bakiye"),
    "seen": ("seen {age} ({moment})", "{age} görüldü ({moment})"),
    "is_fresh": ("up to date", "güncel"),
    "is_stale": ("out of date", "güncel değil"),
    "below_threshold": ("below the threshold of {amount}", "{amount} eşiğinin altında"),
    "above_threshold": ("threshold {amount}", "eşik {amount}"),
    "seen_ahead": (
        "seen at {moment}, which is ahead of now: a clock is wrong",
        "{moment} görüldü; bu an henüz gelmedi: bir saat yanlış",
    ),
    "is_ahead": ("time is ahead", "saati ileride"),
    "just_now": ("just now", "az önce"),
    "at_once": ("at once", "hemen"),
    "clocks_differ": ("clocks differ", "saatler farklı"),
    # runway
    "runway": ("How long it lasts", "Bakiye kaç gün yeter"),
    "runway_window": ("at the pace of the last {days} days", "son {days} günün temposuyla"),
    "runway_unknown": ("unknown", "bilinmiyor"),
    "runway_none": ("No whole day has passed yet.", "Henüz tamamlanmış bir gün yok."),
    "runway_observed": ("days seen: {observed} of {days}", "{days} günün {observed} gününde gözlem var"),
    "runway_nothing": ("nothing went out", "çıkış yok"),
    "runway_average": ("{amount} a day on average", "günde ortalama {amount}"),
    "runway_p90": ("{days} if every day is like a busy one ({amount})", "her gün yoğun geçerse ({amount}) {days}"),
    # the period
    "period": ("Period", "Dönem"),
    "day": ("Day", "Gün"),
    "week": ("Week", "Hafta"),
    "month": ("Month", "Ay"),
    "year": ("Year", "Yıl"),
    "from": ("From", "Başlangıç"),
    "to": ("To", "Bitiş"),
    "earlier": ("Earlier", "Daha önce"),
    "later": ("Later", "Daha sonra"),
    # the chart
    "chart": ("Balance over time", "Zaman içinde bakiye"),
    "chart_keys": ("Arrow keys move along the line.", "Ok tuşları çizgi üzerinde ilerler."),
    "chart_empty": ("Nothing was seen in this period.", "Bu dönemde gözlem yok."),
    "line_balance": ("Balance", "Bakiye"),
    "line_closing": ("Last seen on the day", "Günün son bakiyesi"),
    "line_range": ("Lowest to highest seen", "Görülen en düşük – en yüksek"),
    "line_threshold": ("Threshold", "Eşik"),
    "line_opened": ("Payout whose money was there", "Bakiyesi yeterli olan ödeme"),
    "line_waiting": ("Payout that waits", "Bekleyen ödeme"),
    "line_ended": ("Payout that was not released", "Onaylanmayan ödeme"),
    "gate_needs": ("{dag} needed {amount}", "{dag} için gereken {amount}"),
    "time_zone": (
        "Times are those of {zone}. A gap in the line: nothing was seen.",
        "Saatler {zone} saatine göredir. Çizgideki boşluk: bu sürede gözlem yok.",
    ),
    "download": ("CSV", "CSV"),
    "download_of": ("Download as CSV: {what}", "CSV olarak indir: {what}"),
    # tables
    "gates": ("Payouts and their money", "Ödemeler ve bakiyeleri"),
    "gates_empty": ("No payout asked for money in this period.", "Bu dönemde ödeme yok."),
    "gates_most": ("The newest {count} are shown.", "En yeni {count} kayıt gösteriliyor."),
    "days": ("Day by day", "Günlük döküm"),
    "days_empty": ("No days to show.", "Gösterilecek gün yok."),
    "yes": ("yes", "evet"),
    "no": ("no", "hayır"),
    "outcome_opened": ("money was there", "bakiye yeterli oldu"),
    "outcome_waiting": ("waits", "bekliyor"),
    "outcome_timed_out": ("time was up", "süre doldu"),
    "outcome_failed": ("failed", "hata aldı"),
    "outcome_lost": ("end not recorded", "sonu kaydedilmedi"),
    "column_environment": ("Environment", "Ortam"),
    "column_account": ("Account", "Hesap"),
    "column_observed_at_utc": ("Seen at (UTC)", "Görüldüğü an (UTC)"),
    "column_gap": ("Longest gap", "En uzun ara"),
    "column_observed_at": ("Seen at", "Görüldüğü an"),
    "column_balance": ("Balance", "Bakiye"),
    "column_currency": ("Currency", "Para birimi"),
    "column_local_date": ("Day", "Gün"),
    "column_opening": ("Opening", "Açılış"),
    "column_closing": ("Closing", "Kapanış"),
    "column_lowest": ("Lowest seen", "En düşük"),
    "column_highest": ("Highest seen", "En yüksek"),
    "column_net_change": ("Change", "Değişim"),
    "column_inflow": ("In", "Giren"),
    "column_outflow": ("Out", "Çıkan"),
    "column_observations": ("Looks", "Gözlem"),
    "column_longest_gap_minutes": ("Longest gap (minutes)", "En uzun ara (dakika)"),
    "column_is_complete": ("Complete", "Eksiksiz"),
    "column_waiting_since": ("Waiting since", "Bekleme başlangıcı"),
    "column_ended_at": ("Ended at", "Bitiş"),
    "column_minutes_waited": ("Waited (minutes)", "Bekleme (dakika)"),
    "column_waited": ("Waited", "Bekleme"),
    "column_outcome": ("Outcome", "Sonuç"),
    "column_required": ("Needed", "Gereken"),
    "column_first_balance": ("Balance at first", "İlk bakiye"),
    "column_shortfall_at_start": ("Missing at first", "Başlangıçtaki eksik"),
    "column_last_balance": ("Balance at last", "Son bakiye"),
    "column_polls": ("Looks", "Gözlem"),
    "column_dag_id": ("DAG", "DAG"),
    "column_task_id": ("Task", "Görev"),
    "column_run_id": ("Run", "Çalıştırma"),
    "column_map_index": ("Map index", "Eşleme sırası"),
    "column_reason": ("Reason", "Neden"),
    # when there is nothing to show
    "for_the_administrator": ("For whoever looks after Airflow:", "Airflow yöneticisi için:"),
    "try_again": ("Try again", "Yeniden dene"),
    "bad_request_title": ("That question cannot be answered", "Bu soru yanıtlanamıyor"),
    "bad_request_advice": ("Choose another period.", "Başka bir dönem seçin."),
    "not_signed_in_title": ("You are not signed in", "Oturum açmadınız"),
    "not_signed_in_advice": (
        "Sign in to Airflow, then open this page again.",
        "Airflow'da oturum açın, sonra bu sayfayı yeniden açın.",
    ),
    "no_right_title": ("You may not see this page", "Bu sayfayı görme yetkiniz yok"),
    "no_right_advice": (
        "Ask whoever looks after Airflow for the right to see plugins (the role Viewer has it).",
        "Airflow yöneticinizden eklentileri görme yetkisi isteyin (Viewer rolünde vardır).",
    ),
    "not_found_title": ("There is no such page or account", "Böyle bir sayfa ya da hesap yok"),
    "not_found_advice": ("Go back and choose another.", "Geri dönüp başka birini seçin."),
    "empty_title": ("No balance has been kept yet", "Henüz hiçbir bakiye kaydedilmedi"),
    "empty_advice": (
        "Figures appear here as soon as a DAG with MassPayoutBalanceOperator has run. The package's README shows one.",
        "MassPayoutBalanceOperator içeren bir DAG çalışır çalışmaz rakamlar burada görünür. Örneği paketin README dosyasında.",
    ),
    "no_connection_title": ("The warehouse is not connected", "Veri ambarı bağlı değil"),
    "no_connection_advice": (
        "Add a Connection to the warehouse in Airflow, and name it in the configuration: [iyzico] warehouse_conn_id. "
        "Without that setting the page looks for iyzico_warehouse.",
        "Airflow'da veri ambarı için bir Connection ekleyin ve adını yapılandırmada belirtin: [iyzico] warehouse_conn_id. "
        "Bu ayar yoksa sayfa iyzico_warehouse bağlantısını arar.",
    ),
    "unsupported_title": ("This warehouse has no reports", "Bu veri ambarında raporlar yok"),
    "unsupported_advice": (
        "The reports run on PostgreSQL and SQLite. On other databases, query the snapshot table.",
        "Raporlar PostgreSQL ve SQLite üzerinde çalışır. Diğer veritabanlarında anlık görüntü tablosunu sorgulayın.",
    ),
    "no_views_title": ("The reports are missing or of another version", "Raporlar eksik ya da başka bir sürümden"),
    "no_views_advice": (
        "Have the tables and views made by what this prints: python -m airflow_provider_iyzico.warehouse ddl --dialect … "
        "Then run: python -m airflow_provider_iyzico.warehouse rebuild",
        "Tabloları ve görünümleri şunun yazdıklarıyla oluşturun: python -m airflow_provider_iyzico.warehouse ddl --dialect … "
        "Sonra çalıştırın: python -m airflow_provider_iyzico.warehouse rebuild",
    ),
    "no_grant_title": ("Airflow may not read the reports", "Airflow'un raporları okuma yetkisi yok"),
    "no_grant_advice": (
        "Have the database role of the warehouse Connection granted the right to read the views.",
        "Veri ambarı bağlantısının veritabanı rolüne görünümleri okuma yetkisi verilmesini sağlayın.",
    ),
    "busy_title": ("Many are looking at the moment", "Şu anda çok kişi bakıyor"),
    "busy_advice": ("Try again in a moment.", "Birazdan yeniden deneyin."),
    "by_hand_title": ("A row cannot be shown", "Bir kayıt gösterilemiyor"),
    "by_hand_advice": (
        "Somebody wrote a row of this account by hand, and it holds no amount, moment or number. Have it corrected.",
        "Bu hesabın elle yazılmış bir kaydındaki tutar, zaman ya da sayı okunamıyor. Kaydın düzeltilmesini isteyin.",
    ),
    "unavailable_title": ("The warehouse did not answer", "Veri ambarı yanıt vermedi"),
    "unavailable_advice": (
        "Try again in a moment. If it stays so, the log of Airflow's api-server says why.",
        "Birazdan yeniden deneyin. Böyle kalırsa nedeni Airflow api-server günlüğünde yazar.",
    ),
}


@cache
def words(language: str) -> dict[str, str]:
    """Return all words in one language."""
    place = LANGUAGES.index(language)
    return {name: both[place] for name, both in WORDS.items()}


def preferred(accept_language: str) -> str:
    """Return the language that a browser's ``Accept-Language`` likes best of those that the page speaks; English otherwise."""
    wishes = [found.groups() for part in accept_language.split(",") if (found := _ACCEPTED.match(part))]
    liked = {language.lower(): float(quality or 1) for language, quality in reversed(wishes)}
    best = max(LANGUAGES, key=lambda language: liked.get(language, 0))
    return best if liked.get(best) else "en"
