"""Whatever is asked, placed, released, sent or left to time, in whatever order: the ledger holds what a plain model holds."""

import os

import model


def test_the_ledger_holds_what_a_plain_model_holds(proof):
    examples, steps = (5_000, 50) if proof.is_long else (100, 30)
    examples = int(os.environ.get("PROOF_EXAMPLES") or examples)
    model.run(examples=examples, steps=steps, seed=proof.seed)
    proof.tell(f"model: {examples} examples of {steps} steps: the ledger and the model agree")
