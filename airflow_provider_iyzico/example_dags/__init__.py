"""Examples, one story a file. In a clone, the folder `dags` leads to the same files."""
