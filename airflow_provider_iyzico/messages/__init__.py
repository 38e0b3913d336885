"""Messages for people, in Turkish and English. Any notifier can send them: take ``str(message)``, or its title and its text."""

from airflow_provider_iyzico.messages.balance import BalanceMessage as BalanceMessage
from airflow_provider_iyzico.messages.payout import PayoutMessage as PayoutMessage
