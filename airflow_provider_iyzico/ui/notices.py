"""What the page says when it has no figures to show. Each notice says what to do."""

from __future__ import annotations

#: The HTTP status of each notice; its title and advice are in ``words.py`` under ``<name>_title`` and ``<name>_advice``.
STATUS = {
    "bad_request": 400,
    "bad_period": 400,
    "not_signed_in": 401,
    "no_right": 403,
    "not_found": 404,
    "too_many_rows": 400,
    "too_many_movements": 400,
    "no_xlsx": 404,
    "no_statement": 409,
    "empty": 200,
    "no_connection": 503,
    "unsupported": 503,
    "no_views": 503,
    "no_grant": 503,
    "by_hand": 503,
    "unavailable": 503,
    "busy": 503,
}
BY_STATUS = {400: "bad_request", 401: "not_signed_in", 403: "no_right", 404: "not_found", 405: "bad_request", 422: "bad_request"}


class Notice(Exception):  # noqa: N818 - it is shown, not raised at a caller
    """There is nothing to show, for the reason of that name.

    :param detail: for the administrator of Airflow; never a driver's message, which may name hosts and users
    :param values: what the advice names
    """

    def __init__(self, name: str, detail: str = "", status: int | None = None, **values: object) -> None:
        super().__init__(name)
        self.name = name
        self.detail = detail
        self.status = status or STATUS[name]
        self.values = values
