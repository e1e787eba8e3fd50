"""Run by test_base_tuning.py in the serving environment: everything about tuning that needs torch, in one process.

`tuning_world.py DIR` writes below DIR; the last line is one JSON object.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from sentinel.agent.read_prompt import read_messages
from sentinel.agent.trade_prompt import trade_messages
from sentinel.distill.tuning import adapter, chat_tokens, checkpoint, conversations, tune
from sentinel.distill.tuning.base_tokenizer import CHATML, base_tokenizer
from sentinel.distill.tuning.gradients import Gradients
from sentinel.distill.tuning.tuning_plan import TuningPlan
from tests.distill.merged_student import merged
from tests.distill.small_gguf import converted
from tests.distill.small_tokenizer import learn

ROOT = Path(sys.argv[1])
BASE, ROWS = ROOT / "base", ROOT / "rows.jsonl"
ORDERS = [f"buy {n} USDC worth of WETH below {2000 + n}" for n in range(40)]
ROLE = "{{- '<|im_start|>' + message['role'] + '\\n' -}}"
END = "{{- '<|im_end|>\\n' -}}"
TURN = "{%- generation -%}{{- message['content'] + '<|im_end|>' -}}{%- endgeneration -%}"
ASKED = "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"


def template(answer: str, request: str = ASKED) -> str:
    """A ChatML template whose assistant turns are rendered by `answer`."""
    plain = "{{- message['content'] + '<|im_end|>' -}}"
    body = "{%- if message['role'] == 'assistant' -%}" + answer + "{%- else -%}" + plain + "{%- endif -%}{{- '\\n' -}}"
    return "{%- for message in messages -%}" + ROLE + body + "{%- endfor -%}" + request


FAULTY = {
    "drops": template(
        "{%- generation -%}{{- message['content'].split('Code:')[-1] + '<|im_end|>' -}}{%- endgeneration -%}"
    ),
    "no end": template("{%- generation -%}{{- message['content'] -}}{%- endgeneration -%}{{- '<|im_end|>' -}}"),
    "last only": template(
        "{%- if loop.last -%}" + TURN + "{%- else -%}{{- message['content'] + '<|im_end|>' -}}{%- endif -%}"
    ),
    "marks nothing": template("{{- message['content'] + '<|im_end|>' -}}"),
    "other request": template(TURN, "{%- if add_generation_prompt -%}{{- '<|im_start|>bot\\n' -}}{%- endif -%}"),
    "sound": CHATML.read_text(),
}


def make_base() -> PreTrainedTokenizerFast:
    """70,000 parameters with random weights; pad and end token are one, as in the real base."""
    torch.manual_seed(5)
    texts = [*ORDERS, *(message["content"] for message in chat_tokens.PROBE), "Read the order. system user assistant"]
    tokenizer = learn(texts, 380, CHATML.read_text())
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.eos_token = tokenizer.pad_token = "<|im_end|>"
    tokenizer.save_pretrained(BASE)
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=48,
            intermediate_size=96,
            num_hidden_layers=3,
            num_attention_heads=3,
            num_key_value_heads=1,
            tie_word_embeddings=True,
            initializer_range=0.2,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
        )
    ).save_pretrained(BASE)
    return base_tokenizer(BASE, None)


def message_of(action: Callable[[], object]) -> str:
    """The text of the fault that the action ends with; empty if it passes."""
    try:
        action()
    except (chat_tokens.TemplateFault, conversations.RowFault, SystemExit) as fault:
        return str(fault)
    return ""


def faults_of_templates() -> dict[str, str]:
    faults = {}
    for name, text in FAULTY.items():
        tokenizer = base_tokenizer(BASE, None)
        tokenizer.chat_template = text
        faults[name] = message_of(partial(chat_tokens.check_template, tokenizer, "the template"))
    return faults


def row(**fields: object) -> conversations.Conversation:
    return conversations.conversation({"id": "r", "split": "train", "text": ORDERS[0], "draft": "Buy."} | fields)


def masks(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """What carries loss in a row of one turn and in one of two, and what does in a padded batch of both."""
    single = row(draft="Buy 5 USDC worth of WETH.")
    double = conversations.conversation({"id": "d", "messages": [dict(message) for message in chat_tokens.PROBE]})
    rows = [chat_tokens.encode(tokenizer, each) for each in (single, double)]
    outputs = tune.output_ids(rows, len(tokenizer))
    batch = tune.collate(rows, tokenizer.pad_token_id, outputs)
    request = tokenizer.apply_chat_template(list(read_messages(ORDERS[0])), add_generation_prompt=True)["input_ids"]
    return {
        "single": [token for token, carries in zip(rows[0].ids, rows[0].carries, strict=True) if carries],
        "wanted": tokenizer("Buy 5 USDC worth of WETH.<|im_end|>", add_special_tokens=False)["input_ids"],
        "double": tokenizer.decode([t for t, carries in zip(rows[1].ids, rows[1].carries, strict=True) if carries]),
        "batch": batch.predicts.sum(1).tolist(),
        "targets": [each.targets for each in rows],
        "in order": outputs[batch.targets].tolist()
        == [t for each in rows for t, carries in zip(each.ids, each.carries, strict=True) if carries],
        "request is prefix": list(rows[0].ids[: len(request)]) == list(request),
    }


def row_faults(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    encoded = {
        name: message_of(partial(chat_tokens.encode, tokenizer, row(draft=text)))
        for name, text in {"end in draft": "Buy.<|im_end|>", "end in thought": "a <|end|> b"}.items()
    }
    encoded["end in order"] = message_of(lambda: chat_tokens.encode(tokenizer, row(text="buy <|im_start|> now")))
    rows = [row(), row(draft="Buy. " * 100 + "Sell.")]
    kept, left_out = chat_tokens.encode_all(tokenizer, rows, 120)
    return encoded | {"kept": len(kept), "left out": left_out}


def gradients() -> float:
    """The largest difference between our gradients and autograd's of the plain formula, relative to the largest."""
    torch.manual_seed(1)
    x = torch.randn(2, 5, 12, requires_grad=True)
    layer = adapter.AdaptedLinear(torch.nn.Linear(12, 7), 3, 6)
    torch.nn.init.normal_(layer.b)
    layer(x).pow(2).sum().backward()
    ours = [x.grad, layer.a.grad, layer.b.grad]
    x.grad = layer.a.grad = layer.b.grad = None
    plain = x @ layer.weight.T + layer.bias + layer.scale * ((x @ layer.a.T) @ layer.b.T)
    plain.pow(2).sum().backward()
    pairs = zip(ours, [x.grad, layer.a.grad, layer.b.grad], strict=True)
    return max(float((one - other).abs().max() / other.abs().max()) for one, other in pairs)


PLAN = TuningPlan(str(BASE), (str(ROWS),), layers=2, rank=4, alpha=8, batch=4, epochs=2, learning_rate=5e-3, seed=3)


def in_child(action: Callable[[], object]) -> int:
    """Run the action in a fork. Returns the number of the signal that ended it, else 0."""
    child = os.fork()
    if not child:
        with suppress(BaseException):
            action()
        os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


def killed_at_step(out: Path, step: int) -> None:
    """Tune with a checkpoint before each step, and die by SIGKILL in this one."""
    real = tune._step

    def deadly(run: checkpoint.TrainingRun, gradients: Gradients) -> float:
        if len(run.losses) == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(run, gradients)

    tune._step = deadly
    tune.tune(PLAN, None, out, device="cpu", every=0, workers=2)


def killed_in_checkpoint(out: Path) -> None:
    """Tune, and die by SIGKILL after the third checkpoint was written and before it has its name."""
    real, count = os.replace, [0]

    def deadly(source: Path, target: Path) -> None:
        count[0] += 1
        if count[0] == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        real(source, target)

    os.replace = deadly  # type: ignore[assignment]
    tune.tune(PLAN, None, out, device="cpu", every=0)


def runs() -> dict[str, Any]:
    whole, broken = ROOT / "whole", ROOT / "broken"
    tune.tune(PLAN, None, whole, device="cpu")
    signals = [in_child(lambda: killed_in_checkpoint(broken)), in_child(lambda: killed_at_step(broken, 11))]
    left = sorted(path.name for path in broken.iterdir())
    other = message_of(lambda: tune.tune(replace(PLAN, seed=4), None, broken, device="cpu"))
    tune.tune(PLAN, None, broken, device="cpu", workers=2)
    made = (broken / "adapter_model.safetensors").stat().st_mtime_ns
    tune.tune(PLAN, None, broken, device="cpu")
    weights = [(folder / "adapter_model.safetensors").read_bytes() for folder in (whole, broken)]
    facts = [json.loads((folder / "training.json").read_text()) for folder in (whole, broken)]
    return {
        "signals": signals,
        "left": left,
        "other": other,
        "made once": made == (broken / "adapter_model.safetensors").stat().st_mtime_ns,
        "same": weights[0] == weights[1],
        "losses": [fact["losses"] for fact in facts],
        "files": sorted(path.name for path in broken.iterdir()),
        "facts": facts[0],
        "layers": sorted(
            {int(name.split(".layers.")[1].split(".")[0]) for name in load_file(whole / "adapter_model.safetensors")}
        ),
        "peft": loss_by_peft(whole),
        "merged": merged(whole, ROWS),
    }


def dead_worker() -> dict[str, Any]:
    """What a run ends with whose worker is killed in its second step; and the sum of a step of three workers."""
    weight, me = torch.nn.Parameter(torch.arange(3.0)), os.getpid()

    def of_part(step: int, part: int) -> float:
        if step == 1:
            if os.getpid() != me:
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(0.2)
        loss = (part + 1) * weight.pow(2).sum()
        loss.backward()
        return float(loss.detach())

    with Gradients([weight], of_part, [5, 5], 3) as gradients:
        loss = gradients.step(0)
        made = weight.grad.tolist()
        died = message_of(lambda: gradients.step(1))
    return {"loss": loss, "gradient": made, "died": died}


def continued() -> dict[str, Any]:
    """A run of ten steps, and one that goes on where the learning rate of a run of five began to fall."""
    whole, shorter, longer = ROOT / "ten", ROOT / "five", ROOT / "five-and-on"
    ten = replace(PLAN, steps=10)
    tune.tune(ten, None, whole, device="cpu")
    tune.tune(replace(PLAN, steps=5), None, shorter, device="cpu")
    tune.tune(ten, None, longer, device="cpu", shorter=shorter)
    falling = ROOT / "ten-falling"  # its learning rate falls over six steps, so it goes on at the fourth
    tune.tune(replace(ten, fall=6), None, falling, device="cpu", shorter=shorter)
    absent = message_of(lambda: tune.tune(ten, None, ROOT / "none", device="cpu", shorter=ROOT / "nowhere"))
    (ROOT / "moved").mkdir()
    (whole / tune.TRUNK).rename(ROOT / "moved" / tune.TRUNK)  # eight steps, one more than a run of seven has
    return {
        "same": len({(folder / "adapter_model.safetensors").read_bytes() for folder in (whole, longer)}) == 1,
        "losses": [len(json.loads((folder / "training.json").read_text())["losses"]) for folder in (shorter, longer)],
        "another fall": json.loads((falling / "training.json").read_text())["losses"][:4]
        == json.loads((whole / "training.json").read_text())["losses"][:4],
        "absent": absent,
        "beyond": message_of(
            lambda: tune.tune(replace(PLAN, steps=7), None, ROOT / "seven", device="cpu", shorter=ROOT / "moved")
        ),
    }


def by_command() -> dict[str, Any]:
    """The plan of a run of two steps that was started by the options of a command."""
    sys.argv = ["tune", *replace(PLAN, steps=2).options(), "--out", str(ROOT / "two"), "--device", "cpu"]
    tune.main()
    plan: dict[str, Any] = json.loads((ROOT / "two" / "training.json").read_text())["plan"]
    return plan


def trade_turn(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """The row of a program: what carries loss, and whether it begins with what the student is given when serving."""
    order = {"text": "get 5 bucks of ether", "draft": "Buy.", "reading": "Buy 5 USDC worth of WETH, once."}
    path = ROOT / "order.jsonl"
    path.write_text("".join(json.dumps({"id": f"o{n}", "split": "train", **order}) + "\n" for n in range(4)))
    rows = conversations.read([path], 2)
    found = chat_tokens.encode(tokenizer, rows[2])
    request = tokenizer.apply_chat_template(
        [*trade_messages(order["text"]), {"role": "assistant", "content": rows[2].given}],
        continue_final_message=True, tokenize=True,
    )["input_ids"]  # fmt: skip
    loss = [token for token, carries in zip(found.ids, found.carries, strict=True) if carries]
    return {
        "ids": [each.id for each in rows],
        "loss": tokenizer.decode(loss),
        "given is prefix": list(found.ids[: len(request)]) == list(request),
        "no loss on it": not any(found.carries[: len(request)]),
    }


def fault_of_logits(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """Of the base, and of the base with an output layer that shifts its logits."""
    base = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)
    encoded = chat_tokens.encode(tokenizer, row())
    sound = message_of(lambda: tune.check_logits(base, encoded))
    head = torch.nn.Linear(base.config.hidden_size, len(tokenizer))
    head.weight = base.get_output_embeddings().weight
    torch.nn.init.normal_(head.bias)
    base.set_output_embeddings(head)
    return [sound, message_of(lambda: tune.check_logits(base, encoded))]


def loss_by_peft(folder: Path) -> dict[str, float]:
    """The loss of the rows with the adapter and without it, by the library's own code with the full vocabulary."""
    tokenizer = base_tokenizer(BASE, None)
    rows = [chat_tokens.encode(tokenizer, each) for each in conversations.read([ROWS])]
    outputs = torch.arange(len(tokenizer))
    batch = tune.collate(rows, tokenizer.pad_token_id, outputs)
    base = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)
    with torch.inference_mode():
        before = float(tune.loss_of(base, batch, outputs))
        merged = PeftModel.from_pretrained(base, folder).merge_and_unload()
        return {"before": before, "after": float(tune.loss_of(merged, batch, outputs))}


if __name__ == "__main__":
    torch.set_num_threads(1)
    coder = make_base()
    lines = [
        {"id": f"r{n}", "split": "train", "text": text, "draft": text.capitalize() + "."}
        for n, text in enumerate(ORDERS)
    ]
    ROWS.write_text("".join(json.dumps(line) + "\n" for line in lines))
    results = {
        "templates": faults_of_templates(),
        "masks": masks(coder),
        "rows": row_faults(coder),
        "gradients": gradients(),
        "logits": fault_of_logits(coder),
        "runs": runs(),
        "continued": continued(),
        "workers": dead_worker(),
        "trade": trade_turn(coder),
        "by command": by_command(),
        "converted": converted(ROOT),
    }
    sys.stdout.write("\n" + json.dumps(results))
