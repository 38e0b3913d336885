"""The page's texts about payouts and what can be spent, in English and Turkish side by side."""

from __future__ import annotations

PAYOUT_WORDS: dict[str, tuple[str, str]] = {
    # the parts of the page
    "parts": ("Parts of this page", "Sayfanın bölümleri"),
    "part_balance": ("Balance", "Bakiye"),
    "part_payouts": ("Payouts", "Ödemeler"),
    "part_month": ("Month", "Ay kapanışı"),
    "part_movements": ("Movements", "Hareketler"),
    "part_accounts": ("All accounts", "Tüm hesaplar"),
    "lack_absent": (
        "This warehouse has no payout ledger, so there is nothing to show here. If your ledger is in another Connection or "
        "schema, query it there: this page reads only what [iyzico] warehouse_conn_id and warehouse_schema name.",
        "Bu veri ambarında ödeme defteri yok, bu nedenle burada gösterilecek bir şey yok. Ödeme defteriniz başka bir bağlantıda "
        "(Connection) ya da şemadaysa orada sorgulayın: bu sayfa yalnızca [iyzico] warehouse_conn_id ve warehouse_schema "
        "ayarlarının gösterdiği yeri okur.",
    ),
    "lack_month": (
        "This warehouse has no roll-forward, so this page cannot say whether the month closes. It needs the balances and the "
        "payout ledger in the same database and schema.",
        "Bu veri ambarında bakiye hareket tablosu yok, bu nedenle ay kapanışının tutup tutmadığı söylenemiyor. Bunun için bakiye "
        "kayıtları ile ödeme defteri aynı veritabanında ve şemada olmalıdır.",
    ),
    "lack_movements": (
        "This page cannot say which payouts explain these movements: this warehouse has no payout ledger, or an older one. If "
        "your ledger is in another Connection or schema, this page does not read it.",
        "Bu hareketleri hangi ödemelerin açıkladığı burada bilinmiyor: bu veri ambarında ödeme defteri yok ya da eski bir sürümü "
        "var. Ödeme defteriniz başka bir bağlantıda (Connection) ya da şemadaysa bu sayfa onu okumaz.",
    ),
    "lack_accounts": (
        "This warehouse has no payout ledger, so the page cannot say what is set aside or available, or what needs a person. If "
        "your ledger is in another Connection or schema, this page does not read it.",
        "Bu veri ambarında ödeme defteri yok, bu nedenle bloke edilen ve kullanılabilir tutarlar ile ilgilenilmesi gerekenler "
        "burada bilinmiyor. Ödeme defteriniz başka bir bağlantıda (Connection) ya da şemadaysa bu sayfa onu okumaz.",
    ),
    "lack_below": (
        "This page cannot say how long the balance was below its threshold: the view is missing.",
        "Bakiyenin ne kadar süre eşiğin altında kaldığı burada bilinmiyor: ilgili görünüm eksik.",
    ),
    "lack_no_grant": (
        "Airflow may not read this part of the warehouse.",
        "Airflow'un veri ambarının bu bölümünü okuma yetkisi yok.",
    ),
    "lack_older": (
        "A view is missing here, or belongs to another version.",
        "Burada bir görünüm eksik ya da başka bir sürüme ait.",
    ),
    # what can be spent
    "funds": ("Available for new payouts", "Yeni ödemeler için kullanılabilir bakiye"),
    "funds_seen": (
        "the balance of {balance} as of {moment} ({age}), minus what is set aside",
        "{moment} itibarıyla ({age}) {balance} olan bakiyeden blokeler düşülmüştür",
    ),
    "funds_held": ("Set aside: {amount}", "Bloke edilen: {amount}"),
    "funds_none_held": ("Nothing is set aside.", "Bloke edilmiş tutar yok."),
    "funds_old": ("calculated {age}", "{age} hesaplandı"),
    "funds_never": ("No payout has asked to set money aside yet.", "Henüz hiçbir ödeme için bloke talep edilmedi."),
    "funds_short": ("The balance does not cover what is set aside.", "Bakiye, bloke edilen tutarı karşılamıyor."),
    "holders_others": ("others: {count}", "diğer: {count}"),
    "holder_failed": (
        "({amount} of it for failed payments: that money left the balance, and has not come back)",
        "(bunun {amount} tutarındaki kısmı başarısız ödemelere ait: bakiyeden çıktı, henüz iade edilmedi)",
    ),
    "holders_more": ("and {count} more", "ve {count} ödeme daha"),
    "line_available": ("Available", "Kullanılabilir bakiye"),
    "to_threshold": ("until the threshold: {days}", "eşiğe kalan süre: {days}"),
    "to_threshold_p90": (
        "until the threshold, if every day is a busy one: {days}",
        "her gün yoğun geçerse eşiğe kalan süre: {days}",
    ),
    "at_threshold": ("The balance is at its threshold or below.", "Bakiye eşikte ya da eşiğin altında."),
    # payouts
    "exceptions": ("What needs a person", "İlgilenilmesi gerekenler"),
    "needs_person": ("needs a person", "ilgilenilmeli"),
    "exceptions_open": ("needs a person: {count}", "ilgilenilmesi gereken: {count}"),
    "exceptions_empty": ("Nothing needs a person.", "İlgilenilmesi gereken bir durum yok."),
    "exceptions_most": ("The oldest {count} of {all} are shown.", "{all} kaydın en eski {count} tanesi gösteriliyor."),
    "exception_item_failed": ("Payment failed, and the money is not back", "Ödeme başarısız, tutar henüz iade edilmedi"),
    "exception_deposit_failed": ("Payment failed, and so did the return", "Ödeme de iadesi de başarısız"),
    "exception_item_status_unknown": ("Payment with an undocumented status", "Ödeme kaleminin iyzico durumu belgelerde yok"),
    "exception_batch_status_unknown": ("Payout with an undocumented status", "Toplu ödemenin iyzico durumu belgelerde yok"),
    "exception_batch_unknown": ("A request was sent, and its outcome is unknown", "İstek gönderildi, sonucu belirsiz"),
    "exception_batch_overdue": ("A request is overdue", "İsteğin süresi geçti"),
    "exception_batch_unanswered": ("An authorization was not answered", "Ödeme talimatı yanıtsız kaldı"),
    "exception_batch_stopped": ("iyzico stopped the payout", "iyzico toplu ödemeyi durdurdu"),
    "exception_batch_hold_old": ("Money set aside for more than a day", "Bir günden uzun süredir bloke"),
    "exception_plain_hold_old": (
        "Money set aside for more than a day, for a payout that other code makes",
        "Bir günden uzun süredir bloke (başka bir uygulamanın ödemesi için)",
    ),
    # what helps, in the words of somebody who does not run commands
    "advice_item_failed": (
        "Wait: the money may come back by itself within days. If it does not, ask iyzico.",
        "Bekleyin: tutar birkaç gün içinde kendiliğinden iade edilebilir. Edilmezse iyzico'ya sorun.",
    ),
    "advice_deposit_failed": (
        "Ask iyzico: this money does not come back by itself.",
        "iyzico'ya başvurun: bu tutar kendiliğinden iade edilmez.",
    ),
    "advice_item_status_unknown": (
        "Ask iyzico what the status means. Until you know, do not pay again.",
        "Bu durumun ne anlama geldiğini iyzico'ya sorun. Öğrenene kadar yeniden ödeme yapmayın.",
    ),
    "advice_batch_status_unknown": (
        "Ask iyzico what the status means. Until you know, do not pay again.",
        "Bu durumun ne anlama geldiğini iyzico'ya sorun. Öğrenene kadar yeniden ödeme yapmayın.",
    ),
    "advice_batch_unknown": (
        "Look it up in iyzico's panel, and tell your Airflow administrator, who settles it in the ledger. Until then, do not pay "
        "again.",
        "iyzico panelinden kontrol edip Airflow yöneticinize bildirin; kaydı ödeme defterinde o sonuçlandırır. O zamana kadar "
        "yeniden ödeme yapmayın.",
    ),
    "advice_batch_overdue": (
        "Ask your Airflow administrator to run the task again: it asks iyzico what came of the request.",
        "Airflow yöneticinizden görevi yeniden çalıştırmasını isteyin: görev, isteğin sonucunu iyzico'dan öğrenir.",
    ),
    "advice_batch_unanswered": (
        "Look into iyzico's panel. If nothing was paid, ask your Airflow administrator to permit another authorization, or to "
        "cancel the payout.",
        "iyzico panelinden kontrol edin. Ödeme yapılmadıysa Airflow yöneticinizden, ödeme talimatının yeniden gönderilmesine "
        "izin vermesini ya da ödemeyi iptal etmesini isteyin.",
    ),
    "advice_batch_stopped": (
        "Ask iyzico whether the payout goes on. If it does not, ask your Airflow administrator to end it in the ledger.",
        "Ödemenin devam edip etmeyeceğini iyzico'ya sorun. Etmeyecekse Airflow yöneticinizden ödemeyi ödeme defterinde "
        "sonlandırmasını isteyin.",
    ),
    "advice_batch_hold_old": (
        "Ask your Airflow administrator to go on with the payout or to cancel it. Once it is cancelled, its money is available "
        "again.",
        "Airflow yöneticinizden ödemeyi sürdürmesini ya da iptal etmesini isteyin. İptal edilirse tutar yeniden kullanılabilir "
        "olur.",
    ),
    "advice_plain_hold_old": (
        "If that payout is over, ask your Airflow administrator to give the money back.",
        "O ödeme sonuçlandıysa Airflow yöneticinizden blokeyi kaldırmasını isteyin.",
    ),
    "payouts": ("Payouts that began in this period", "Bu dönemde başlayan ödemeler"),
    "payouts_empty": ("No payout began in this period.", "Bu dönemde başlayan ödeme yok."),
    "payouts_most": ("The newest {count} of {all} are shown.", "{all} kaydın en yeni {count} tanesi gösteriliyor."),
    "paid_all": (
        "All payments arrived: {items} of {items}, {amount}.",
        "Ödemelerin tamamı yapıldı: {items} kalem, {amount}.",
    ),
    "paid_some": (
        "Not all payments arrived: {paid} of {items}, {amount}.",
        "Ödemelerin tamamı yapılmadı: {items} kalemin {paid} tanesi ödendi, {amount}.",
    ),
    "sums": ("Total", "Toplam"),
    "state_new": ("not sent yet", "henüz gönderilmedi"),
    "state_init_sent": ("being sent", "gönderiliyor"),
    "state_init_unknown": ("sent, outcome unknown", "gönderildi, sonucu belirsiz"),
    "state_refused": ("refused by iyzico", "iyzico reddetti"),
    "state_initiated": ("initiated", "oluşturuldu"),
    "state_auth_sent": ("being authorized", "ödeme talimatı gönderiliyor"),
    "state_auth_unknown": ("authorization unknown", "ödeme talimatının sonucu belirsiz"),
    "state_authorized": ("authorized", "ödeme talimatı verildi"),
    "state_ended": ("ended", "tamamlandı"),
    "state_cancel_sent": ("being cancelled", "iptal ediliyor"),
    "state_cancel_unknown": ("cancellation unknown", "iptalin sonucu belirsiz"),
    "state_cancelled": ("cancelled", "iptal edildi"),
    "meaning_paid": ("paid", "ödendi"),
    "meaning_returned": ("returned", "iade edildi"),
    "meaning_out": ("left, not arrived", "çıktı, ulaşmadı"),
    "meaning_waiting": ("waiting", "bekliyor"),
    "meaning_invalid": ("invalid", "geçersiz"),
    "meaning_cancelled": ("cancelled", "iptal edildi"),
    "meaning_unknown": ("undocumented status", "belgelerde olmayan durum"),
    "recipient_IBAN": ("IBAN", "IBAN"),
    "recipient_PHONE": ("phone", "telefon"),
    "recipient_IDENTITY_NUMBER": ("identity number", "kimlik numarası"),
    "recipient_MEMBER_ID": ("member id", "üye numarası"),
    # one payout
    "batch": ("Payout {name}", "Ödeme {name}"),
    "batch_none": (
        "The ledger of this account has no batch of this name. If money is set aside under this name, other code makes that "
        "payout.",
        "Bu hesabın ödeme defterinde bu adla bir toplu ödeme yok. Bu adla bloke varsa ödemeyi başka bir uygulama yapıyor.",
    ),
    "close": ("Close", "Kapat"),
    "items": ("Payments", "Ödeme kalemleri"),
    "items_empty": ("This payout has no payments.", "Bu ödemenin kalemi yok."),
    "items_most": (
        "{count} of {all} are shown. Those that are not paid come first.",
        "{all} kalemin {count} tanesi gösteriliyor; ödenmeyenler başta.",
    ),
    "events": ("What happened", "Ödemenin geçmişi"),
    "events_most": ("The newest {count} are shown.", "En yeni {count} kayıt gösteriliyor."),
    "event_registered": ("Registered in the ledger", "Ödeme defterine kaydedildi"),
    "event_corrected": ("Corrected", "Düzeltildi"),
    "event_commission_bound": ("Commission bound stated", "En düşük komisyon bildirildi"),
    "event_state": ("State", "Durum"),
    "event_read": ("Read from iyzico", "iyzico'dan okundu"),
    "event_item": ("Payment", "Ödeme kalemi"),
    "event_given_up": ("Given up: iyzico would not pay some payments", "Vazgeçildi: iyzico bazı kalemleri ödemeyecek"),
    "event_taken_up": ("Taken up again", "Yeniden ele alındı"),
    "event_permit": ("Another authorization permitted", "Ödeme talimatının yeniden gönderilmesine izin verildi"),
    "event_hold_released": ("Money set aside was given back", "Bloke kaldırıldı"),
    "event_approved": ("Approved", "Onay verildi"),
    "event_rejected": ("Rejected", "Reddedildi"),
    "event_items": ("Payments ({count})", "Ödeme kalemleri ({count})"),
    "event_commission": ("commission {amount}", "komisyon {amount}"),
    "told_no_record": ("The task that sent the request recorded no answer.", "İsteği gönderen görev bir yanıt kaydetmedi."),
    "told_known_before": (
        "iyzico knew this name before anything was sent.",
        "Bu ad, henüz hiçbir şey gönderilmeden iyzico'da kayıtlıydı.",
    ),
    "told_not_there": (
        "iyzico knows no such payout; it was asked twice.",
        "iyzico'da böyle bir ödeme yok; iki kez soruldu.",
    ),
    "told_found": ("The payout was found at iyzico, as it was sent.", "iyzico'da gönderildiği gibi bulundu."),
    "told_permitted": (
        "A person permitted one more authorization.",
        "Bir kişi, ödeme talimatının bir kez daha gönderilmesine izin verdi.",
    ),
    "told_approved_by": ("Approved by {people}.", "Onay verenler: {people}."),
    "told_permit_used": (
        "The permission of version {version} was used.",
        "{version}. sürümde verilen izin kullanıldı.",
    ),
}
