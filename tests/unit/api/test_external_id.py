"""What may be the name of a payout."""

import pytest

from airflow_provider_iyzico.api.external_id import read_external_id
from airflow_provider_iyzico.errors import IyzicoConfigurationError


@pytest.mark.parametrize("name", ["a", "salaries-2026-11", "A.b_c:9-", "x" * 64, "none"])
def test_letters_digits_and_a_few_signs_make_a_name(name):
    assert read_external_id(name) == name


@pytest.mark.parametrize("value", [None, "", " ", "None", " None "])
def test_a_template_that_rendered_to_nothing_is_refused_as_that(value):
    with pytest.raises(IyzicoConfigurationError, match=r"external_id is .*; is the name in a template misspelled"):
        read_external_id(value)


@pytest.mark.parametrize("value", ["x" * 65, "a b", " a", "a\n", "a+b", "maaş", "a/b", "{{ ds }}", "\uff41", 5, ["a"], b"a"])
def test_everything_else_is_refused_by_the_name_of_its_parameter(value):
    with pytest.raises(IyzicoConfigurationError, match="batch_name is "):
        read_external_id(value, "batch_name")
