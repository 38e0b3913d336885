"""The simulated mass payouts: what is asked, what happens by the clock, and what is answered.

A request runs down through ``desk`` (the calls), ``forms`` (what a request must hold) and ``bank`` (what happens, and when), and
back through ``answers`` (how iyzico writes it).
"""
