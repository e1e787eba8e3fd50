"""The journal's tables beside its records: the index, which the records alone determine (see verification.py)."""

from __future__ import annotations

from sentinel.journal import dictionaries, equity, migrations, order_fills, paper_records
from sentinel.journal.ledger import PACKED

_FIRST = """
CREATE TABLE cycles (
    seq INTEGER PRIMARY KEY REFERENCES records, at INTEGER NOT NULL, number INTEGER NOT NULL, act INTEGER NOT NULL,
    reason TEXT NOT NULL, detail TEXT NOT NULL, votes INTEGER NOT NULL, asked INTEGER NOT NULL,
    parsed INTEGER NOT NULL, simulated INTEGER NOT NULL, intent_id TEXT
) STRICT;
CREATE TABLE intents (
    id TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE REFERENCES records, at INTEGER NOT NULL,
    chain_id INTEGER NOT NULL, wallet TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
    finished INTEGER NOT NULL, nonce INTEGER, volume TEXT NOT NULL  -- base units of the quote token
) STRICT;
CREATE UNIQUE INDEX one_unfinished ON intents (chain_id, wallet) WHERE finished = 0;
CREATE UNIQUE INDEX nonce_of_one_intent ON intents (nonce, chain_id, wallet) WHERE nonce IS NOT NULL;
CREATE TABLE attempts (
    tx_hash TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE REFERENCES records,
    intent_id TEXT NOT NULL REFERENCES intents, nonce INTEGER NOT NULL
) STRICT;
CREATE TABLE settled (
    intent_id TEXT PRIMARY KEY REFERENCES intents, seq INTEGER NOT NULL UNIQUE REFERENCES records, at INTEGER NOT NULL,
    outcome TEXT NOT NULL, pnl TEXT NOT NULL, drift_bps REAL
) STRICT;
"""
# As all steps of migrations.py leave an older journal.
_FOURTH = dictionaries.TABLE + paper_records.TABLES + order_fills.PAPER + PACKED
TABLES = _FIRST + equity.TABLE + migrations.ORDERS + _FOURTH
