import io
from functools import partial
from traceback import walk_tb

import pytest

from airflow_provider_iyzico.errors import PaymentsError
from airflow_provider_iyzico.payments.csv_file import LONGEST_LINE, csv_rows

HEADER = "item_external_id,recipient_type,recipient_info,recipient_name,amount,description"
ROW = "1,IBAN,TR330006100519786457841326,Ayşe,10.00,maaş"


def rows_of(content: bytes):
    with io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="") as file:
        return list(csv_rows(iter(partial(file.readline, LONGEST_LINE), ""), "s3://payroll/november.csv"))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "with byte order mark"])
@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_excel_saves_is_read(mark, delimiter, end):
    content = mark + end.join([HEADER, ROW, "", ROW]).replace(",", delimiter).encode()
    rows = rows_of(content)
    assert [row["recipient_name"] for row in rows] == ["Ayşe", "Ayşe"]
    assert rows[0]["amount"] == "10.00"


def test_quotes_delimiters_and_line_breaks_inside_a_field_are_kept():
    rows = rows_of(f'{HEADER}\n1,IBAN,TR33,"Yılmaz, Ayşe",10.00,"a ""b""\nc"\n'.encode())
    assert (rows[0]["recipient_name"], rows[0]["description"]) == ("Yılmaz, Ayşe", 'a "b"\nc')


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "lacks item_external_id"),
        (b"a,b\n1,2\n", "unknown columns"),
        (HEADER.replace("amount", "tutar").encode(), "lacks amount"),
        (f"{HEADER},amount\n".encode(), "names a column twice"),
        (f"{HEADER}\n{ROW},more\n".encode(), "record 2 of s3://payroll/november.csv has 7 fields, its header 6"),
        (f"{ROW}\n{ROW}\n".encode(), "has 6 unknown columns"),
        (f"{HEADER}\n{ROW}\n".encode("iso-8859-9"), "is not UTF-8"),
        (f"{HEADER}\n{ROW}\n".encode() * 200 + f"{ROW}\n".encode("iso-8859-9"), "is not UTF-8"),
        (f'{HEADER}\n1,IBAN,"TR33'.encode(), "is not a CSV file"),
        (b"TR33" * 20_000, "a line of 65536 characters or more"),
        (f"{HEADER}\n{ROW}\n{'TR33' * 20_000}".encode(), "a line of 65536 characters or more"),
    ],
)
def test_what_is_no_such_file_is_refused_without_quoting_a_row(content, said):
    with pytest.raises(PaymentsError) as caught:
        rows_of(content)
    assert said in str(caught.value)
    assert "TR33" not in str(caught.value)
    assert "Ay" not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    frames = [frame for frame, _ in walk_tb(caught.value.__traceback__) if "iyzico/payments/" in frame.f_code.co_filename]
    shown = " ".join(repr(frame.f_locals) for frame in frames)
    assert (len(frames) > 0, "TR33" in shown) == (True, False)
