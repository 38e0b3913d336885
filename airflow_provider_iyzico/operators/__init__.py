"""What a DAG does with iyzico."""
