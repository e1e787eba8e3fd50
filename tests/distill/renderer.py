"""Run by test_training.py in the serving environment: how the student's tokenizer renders one conversation, as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sentinel.agent import action_format, oracle
from sentinel.core.trajectory import Turn
from sentinel.distill.training import dataset, tokenizer

PROMPT = "Playbook: rebalance\nPair: WETH/USDC\nTarget: 0.55\nBand: 0.02\nSize: 500\nLeast: 10"

coder = tokenizer.load(Path(sys.argv[1]))
messages = [
    {"role": "system", "content": "You trade on chain. Answer with one thought and one code action."},
    {"role": "user", "content": PROMPT},
]


def request(conversation: list[dict[str, str]]) -> list[int]:
    """As the chat endpoint renders it."""
    ids: list[int] = coder.apply_chat_template(
        conversation, tokenize=True, return_dict=True, add_generation_prompt=True
    )["input_ids"]
    return ids


first = oracle.next_action(messages)
after = [*messages, {"role": "assistant", "content": first}, {"role": "user", "content": "Observation: buy 312.5"}]
second = oracle.next_action(after)
turns = [
    Turn(m["role"], m["content"])  # type: ignore[arg-type]
    for m in [*after, {"role": "assistant", "content": second}]
]
row = dataset.encode(coder, turns)
prefix = action_format.prefill("I measure how far WETH is from its target and trade only the gap.")
prefilled = coder.apply_chat_template(
    [*messages, {"role": "assistant", "content": prefix}],
    tokenize=True,
    return_dict=True,
    add_generation_prompt=False,
    continue_final_message=True,
)["input_ids"]
sys.stdout.write(
    json.dumps(
        {
            "row": row.ids,
            "first_request": request(messages),
            "second_request": request(after),
            "prefilled": list(prefilled),
            "loss_on": coder.decode([token for token in row.labels if token != dataset.IGNORED]),
            "expected": first + "<|end|>" + second + "<|end|>",
            "digits": [coder.decode([t]) for t in coder("1234.5", add_special_tokens=False)["input_ids"]],
            "stop": coder.decode(
                coder("```<end_code>", add_special_tokens=False)["input_ids"], skip_special_tokens=True
            ),
            "any": coder.decode(coder("naïve €", add_special_tokens=False)["input_ids"]),
        }
    )
)
