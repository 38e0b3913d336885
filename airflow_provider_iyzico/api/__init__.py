"""iyzico's wire format, pure: bytes in, values out. No network, no clock, no Airflow."""
