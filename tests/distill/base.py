"""Run by test_tuning.py in the serving environment: make a tiny random base, or ask a tuned one. JSON on the last line.

`make DIR ROWS TEMPLATE [WORD…]`: a causal model with random weights; TEMPLATE is its chat template's text, each WORD
a special token.
`ask DIR ROWS [BASE]`: the greedy answer to the first request of the first row; with BASE, DIR is an adapter to merge.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

from sentinel.distill.training import dataset, tokenizer

what, folder, rows, *rest = sys.argv[1:]
trajectories = list(dataset.read(Path(rows)))
if what == "make":
    torch.manual_seed(5)
    coder = tokenizer.learn([turn.text for one in trajectories for turn in one.turns], 400, rest[0])
    coder.add_special_tokens({"additional_special_tokens": rest[1:]})
    coder.save_pretrained(folder)
    Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(coder),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=2,  # of 32: the least that vLLM's attention takes
            num_key_value_heads=1,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            initializer_range=0.3,
            eos_token_id=coder.eos_token_id,
        )
    ).save_pretrained(folder)
else:
    coder = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(rest[0] if rest else folder, dtype=torch.float32)
    if rest:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, folder).merge_and_unload()
    first, second, answer = trajectories[0].turns[:3]
    asked = coder.apply_chat_template(
        [{"role": turn.role, "content": turn.text} for turn in (first, second)],
        return_dict=True,
        return_tensors="pt",
        add_generation_prompt=True,
    )
    wanted = coder(answer.text, add_special_tokens=False)["input_ids"]
    said = model.generate(**asked, do_sample=False, max_new_tokens=len(wanted))[0, asked["input_ids"].shape[1] :]
    sys.stdout.write("\n" + json.dumps({"said": coder.decode(said), "wanted": answer.text}))
