"""The page's texts about months, movements and all accounts, in English and Turkish side by side."""

from __future__ import annotations

MONTH_WORDS: dict[str, tuple[str, str]] = {
    # the month
    "verdict_closes": (
        "{month} closes: nothing of its closing balance is unexplained.",
        "{month} kapanışı tutuyor: kapanış bakiyesinde açıklanamayan fark yok.",
    ),
    "verdict_gaps": (
        "{month} closes by its figures, but {days} of its days have gaps.",
        "{month} kapanışı tutarlara göre tutuyor, ancak {days} günün gözlemleri eksik.",
    ),
    "verdict_under_way": (
        "{month} does not close yet: {amount} is unexplained. Payments that are under way may explain it ({under_way}).",
        "{month} kapanışı henüz tutmuyor: {amount} tutarında açıklanamayan fark var. Sonucu beklenen ödemeler bunu açıklayabilir "
        "({under_way}).",
    ),
    "verdict_open": (
        "{month} is not over. So far, nothing of its closing balance is unexplained.",
        "{month} henüz bitmedi. Şu ana kadar kapanış bakiyesinde açıklanamayan fark yok.",
    ),
    "verdict_unexplained": (
        "{month} does not close: {amount} is unexplained.",
        "{month} kapanışı tutmuyor: {amount} tutarında açıklanamayan fark var.",
    ),
    "verdict_unknown": (
        "Nobody knows whether {month} closes: no balance was observed.",
        "{month} kapanışının tutup tutmadığı bilinmiyor: bakiye gözlemi yok.",
    ),
    "verdict_short_closes": ("yes", "evet"),
    "verdict_short_gaps": ("by its figures", "tutarlara göre"),
    "verdict_short_under_way": ("not yet", "henüz değil"),
    "verdict_short_open": ("not over", "bitmedi"),
    "verdict_short_unexplained": ("no", "hayır"),
    "verdict_short_unknown": ("unknown", "bilinmiyor"),
    "month_advice_unexplained": (
        "See below on which days. The usual reasons are a withdrawal in iyzico's panel, and payouts that other code made.",
        "Hangi günlerde oluştuğunu aşağıda görebilirsiniz. Genellikle iyzico panelinden para çekilmiş ya da başka bir uygulama "
        "ödeme yapmıştır.",
    ),
    "month_advice_under_way": (
        "Look again after the next reconciliation and the next snapshot.",
        "Bir sonraki mutabakattan ve bakiye kaydından sonra yeniden bakın.",
    ),
    "month_advice_gaps": (
        "What nobody saw cannot be compared. The days that are not complete are listed below.",
        "Gözlem yapılmayan süreler karşılaştırılamaz. Eksik günleri aşağıda görebilirsiniz.",
    ),
    "came_in_note": (
        "“Came in” is money that no returned payment explains. It is a top-up, or looks like one. “Under way” is the amount that "
        "payments may have taken, commission included, while their result is not known. “Left, not arrived” is the amount, "
        "without commission, that had left by the end of the month, and had neither arrived nor come back.",
        "“Giren (iade dışı)”, iadeyle açıklanmayan girişlerdir: bakiye yüklemesi ya da ondan ayırt edilemeyen girişler. “Sonucu "
        "beklenen”, sonucu henüz bilinmeyen ödemelerin komisyon dahil bakiyeden almış olabileceği tutardır. “Çıkan, ulaşmayan”, "
        "ay sonuna kadar bakiyeden çıkmış, ancak alıcısına ulaşmamış ve iade de edilmemiş tutardır (komisyon hariç).",
    ),
    # on paper
    "prepared_by": ("Prepared by", "Hazırlayan"),
    "checked_by": ("Checked by", "Kontrol eden"),
    "signed_on": ("Date", "Tarih"),
    "rollforward": ("The month day by day", "Ayın günlük dökümü"),
    "rollforward_empty": ("There are no days to show.", "Gösterilecek gün yok."),
    "months": ("Months", "Aylar"),
    "months_empty": ("There are no months to show.", "Gösterilecek ay yok."),
    # movements
    "movements": ("What moved the balance", "Bakiyeyi değiştiren hareketler"),
    "movements_empty": ("The balance did not change in this period.", "Bu dönemde bakiye değişmedi."),
    "movements_most": ("The newest {count} are shown.", "En yeni {count} kayıt gösteriliyor."),
    "movements_note": (
        "The ledger sees payments some time after the balance has changed. So the amounts decide. Payments are beside the first "
        "loss that is large enough and came after they were sent. Returns are beside the last gain that is large enough. "
        "Payments of one payout that the ledger saw at the same time stay together. The rest is what no payout explains: above "
        "zero it is usually a top-up, below zero it is an unexplained loss.",
        "Ödeme defteri, ödemeleri bakiye değiştikten bir süre sonra görür. Bu nedenle eşleştirme tutarlara göre yapılır. "
        "Ödemeler, gönderilmelerinden sonra bakiyenin en az o kadar azaldığı ilk harekette gösterilir. İadeler, bakiyenin en az "
        "o kadar arttığı son harekette gösterilir. Bir ödemenin, deftere göre aynı anda çıkan kalemleri birlikte gösterilir. "
        "Kalan fark, hiçbir ödemenin açıklamadığı tutardır: artıysa genellikle bakiye yüklemesidir, eksiyse açıklanamayan bir "
        "çıkıştır.",
    ),
    "movements_in_part": (
        "There are too many payments to match them all. Choose a shorter period.",
        "Eşleştirilecek çok fazla ödeme var. Daha kısa bir dönem seçin.",
    ),
    "step_left": (
        "{name}: {amount} left, commission included, payments: {count}",
        "{name}: komisyon dahil {amount} çıktı, {count} kalem",
    ),
    "step_returned": (
        "{name}: {amount} returned, commission included, payments: {count}",
        "{name}: komisyon dahil {amount} iade edildi, {count} kalem",
    ),
    "below": ("Time below the threshold", "Eşiğin altında geçen süre"),
    "below_empty": ("No threshold was in force in this period.", "Bu dönemde geçerli bir eşik yoktu."),
    "below_sum": (
        "Below the threshold: {time}. The balance is known for {known} of this period.",
        "Bu dönemde bakiyenin bilindiği süre {known}, eşiğin altında kaldığı süre {time}",
    ),
    "below_never": (
        "The balance was not seen below its threshold. It is known for {known} of this period.",
        "Eşiğin altında bakiye gözlenmedi. Bu dönemde bakiyenin bilindiği süre: {known}",
    ),
    # all accounts
    "accounts": ("All accounts", "Tüm hesaplar"),
    "accounts_total": ("Total in {currency}, accounts: {count}", "{currency} toplamı, {count} hesap"),
    "accounts_empty": ("There are no accounts.", "Hesap yok."),
    "accounts_most": ("The first {count} of {all} are shown.", "{all} hesabın ilk {count} tanesi gösteriliyor."),
    "by_hand_short": ("A row was written by hand and cannot be read.", "Elle yazılmış bir kayıt okunamıyor."),
}
