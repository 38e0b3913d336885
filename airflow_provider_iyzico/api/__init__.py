"""iyzico's wire format, pure: bytes in, values out. It needs no network, no clock and no Airflow."""
