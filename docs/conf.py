"""How ``make docs`` builds the pages: from the docstrings, offline, with the theme that Sphinx brings along."""

from airflow_provider_iyzico import __version__

project = "airflow-provider-iyzico"
version = release = __version__
copyright = ""  # noqa: A001
html_show_copyright = False
html_theme = "classic"
html_copy_source = html_show_sourcelink = False
exclude_patterns = ["*.png"]

extensions = ["sphinx.ext.autodoc"]
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
add_module_names = False

#: A broken reference to a name of ours stops the build; those of Python and Airflow are not on these pages.
nitpicky = True
nitpick_ignore = [("py:class", f"airflow_provider_iyzico.{name}") for name in ("api.call.T", "errors.E")]
nitpick_ignore_regex = [(r"py:.*", r"(?!airflow_provider_iyzico)(?!Iyzico)(?!Warehouse).*")]
