"""What was sent, what iyzico answered, and whose money is set aside: batches, items, events and holds.

It lives in any database that locks rows and enforces keys. It knows neither Airflow nor the network.
"""
