"""Orders that are refused as a whole, found before anything else is read."""

from __future__ import annotations

import re

from sentinel.distill.evaluation.rules_reader.scan import Scanned
from sentinel.orders.language.answers import Refusal

_REFUSED = (  # in this order, in scanned text
    (r"\bleverag\w*|\bmargin\b|\bborrow\w*|\bon credit\b|\bloan\b|\b\d+x\b|\bN\d+ ?x\b|\bperps?\b|\bperpetual\w*"
    r"|\bfutures?\b|\bgo long\b|\blong N\d+ x", Refusal.LEVERAGE),
    (r"\bshort(?:s|ing|ed)?\b(?! (?:term|time|while|period|window|average|dip))|\bnaked\b|\b(?:put|call) options?\b"
    r"|\boptions? (?:on|trad)", Refusal.SHORT),
    (r"\b(?:send|sends|sending|transfer|transfers|wire|pay(?= (?:my|him|her|them|back|rent|bills?|[MQ]\d))|withdraw"
    r"|withdraws|withdrawal|donate|forward|remit)\b(?! "
    r"(?:no |at most|more))|\bto (?:my|the|this|another|his|her) (?:other |cold |hardware )?(?:wallet|address"
    r"|ledger|bank|exchange|account)\b|\b0x[0-9a-f]{4,}|\bbridge\b|\b\w+\.eth\b", Refusal.TRANSFER),
    (r"\b(?:ignor\w*|bypass\w*|disabl\w*|overrid\w*|break|exceed|remove|lift|raise|switch off|turn off|skip|without"
    r"|regardless of|disregard|forget|drop|no matter)\b(?: (?:the|any|all|ALL|of|my|your|of|daily|your own|trade|risk"
    r"|size|spending|safety|per|E\d+|R\d+|max(?:imum)?|loss|cost|slippage|position))* (?:limits?|caps?|checks?"
    r"|guards?|rules?|polic\w+|restrictions?|safet\w+|protections?|kill switch|simulation)|\bunlimited\b"
    r"|\bno limits?\b(?! orders?)|\b(?:are"
    r"|is) not allowed\b|\bany (?:pool|venue|slippage)\b"
     r"|\blimits? (?:do not|does not) (?:apply|matter)\b", Refusal.LIMITS),
    (r"\bX[A-Z]+\b", Refusal.COIN),
    (r"\b(?:stak\w+|lend\w*|yield|farm\w*|mint|nfts?|airdrop|provide liquidity|liquidity pool)\b", Refusal.SCOPE),
)  # fmt: skip


def refusal(scanned: Scanned) -> Refusal | None:
    """Why an order of these words cannot be carried out; None if nothing speaks against it."""
    return next((why for pattern, why in _REFUSED if re.search(pattern, scanned.text)), None)
