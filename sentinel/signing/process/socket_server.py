"""The signer's unix socket: it answers each line with one line and survives any input.

An answer is `{"ok": true, …}`, or `{"ok": false, "refused": RULE, "error": …}` if a limit forbids the request, or
`{"ok": false, "error": …}` if the request is malformed or fails.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sentinel.core.edges import place
from sentinel.core.errors import SentinelError, SignerRefused
from sentinel.core.host.unix import listener, peer_uid
from sentinel.observe.logs import Log
from sentinel.signing.order_rules import OrderTrades
from sentinel.signing.process.enforced import LOOK_BACK, enforced
from sentinel.signing.process.local_signer import LocalSigner
from sentinel.signing.process.signer_requests import Bind, Hello, SetCaps, Show, SignPermit, SignTransaction, parse
from sentinel.signing.process.signing_ledger import SigningLedger
from sentinel.signing.wire import MAX_LINE, VERSION

MAX_CONNECTIONS = 16  # open at once
IDLE_TIMEOUT = 60.0  # seconds that a connection may be silent


class SignerServer:
    """Serves one signer until `stop`."""

    def __init__(
        self, path: Path, signer: LocalSigner, ledger: SigningLedger, log: Log, *, peer: int | None, open_caps: bool
    ) -> None:
        """`peer` is the uid of the user that may ask, None for the signer's own user. The signer's user and root, who
        could read the key anyway, may always ask what is enforced.

        If `open_caps` is True, the daemon that started the signer must set the caps per token once.
        """
        self._path = path
        self._signer = signer
        self._ledger = ledger
        self._log = log
        self._peer = os.getuid() if peer is None else peer
        self._mode = 0o600 if peer is None else 0o660
        self._open_caps = open_caps
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen. The ledger's lock proves that no other signer runs here, so an existing socket is stale."""
        bound = listener(self._path, self._mode)
        self._server = await asyncio.start_unix_server(self._serve, sock=bound, limit=MAX_LINE)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        uid = peer_uid(writer.get_extra_info("socket"))
        self._open.add(writer)
        try:
            if uid not in (self._peer, os.getuid(), 0):
                self._log.error("signer.unknown_peer", uid=uid, meaning="another user can open the socket")
                return
            if len(self._open) > MAX_CONNECTIONS:
                return
            while line := await asyncio.wait_for(reader.readline(), IDLE_TIMEOUT):
                answer = {"v": VERSION, **await self._answer(line, uid)}
                writer.write(json.dumps(answer).encode() + b"\n")
                await asyncio.wait_for(writer.drain(), IDLE_TIMEOUT)
        except (OSError, ValueError, TimeoutError):
            pass  # the peer went away, was silent too long, or sent too long a line
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, line: bytes, uid: int) -> dict[str, Any]:
        try:
            try:
                request = parse(line)
            except ValueError as error:
                return {"ok": False, "error": str(error)}
            match request:
                case Hello():
                    return {"ok": True, **self._hello()}
                case Show():
                    return {"ok": True, **self._hello(), **self._enforced()}
                case _ if uid != self._peer:
                    self._log.error("signer.unknown_peer", uid=uid, meaning="it may only ask what is enforced")
                    return {"ok": False, "error": f"user {self._peer} alone may ask for this, not {uid}"}
                case SignTransaction() | SignPermit() if self._open_caps:  # not a refusal: the client may repeat it
                    return {"ok": False, "error": "the caps are not set yet"}
                case SignTransaction(chain_id, nonce, tx, fees, prices):
                    signature = await self._signer.transaction_signature(chain_id, nonce, tx, fees, prices)
                    return {"ok": True, "signature": "0x" + signature.hex()}
                case SignPermit(typed_data):
                    signature = await self._signer.sign_permit(typed_data)
                    return {"ok": True, "signature": "0x" + signature.hex()}
                case Bind(genesis):
                    self._ledger.bind(genesis)
                    return {"ok": True}
                case SetCaps():
                    self._allow(request)
                    return {"ok": True}
        except SignerRefused as error:
            if not self._ledger.refused_too_often:
                self._log.warning("signer.refused", rule=error.rule, reason=str(error))
            return {"ok": False, "refused": error.rule, "error": str(error)}
        except SentinelError as error:
            self._log.error("signer.failed", error=str(error))
            return {"ok": False, "error": str(error)}
        except Exception as error:  # a defect here must not end the only process that can cancel
            self._log.error("signer.internal_error", error=type(error).__name__, place=place(error), exc_info=error)
            return {"ok": False, "error": f"internal error of the signer: {type(error).__name__} ({place(error)})"}

    def _hello(self) -> dict[str, Any]:
        signer = self._signer
        identity = {"address": signer.address, "chain_id": signer.chain_id}
        order = None if signer.order is None else signer.order.hash
        return {**identity, "open_caps": self._open_caps, "pid": os.getpid(), "order": order}

    def _enforced(self) -> dict[str, Any]:
        signer, ledger = self._signer, self._ledger
        order = signer.order
        return enforced(
            signer.limits,
            ledger.caps,
            ledger.spent,
            ledger.refusals,
            order=order,
            traded=OrderTrades() if order is None else ledger.order_trades(order.hash, max(order.min_gap, LOOK_BACK)),
            reads_balances=signer.reads_balances,
        )

    def _allow(self, request: SetCaps) -> None:
        if not self._open_caps:
            raise SignerRefused("caps", "the signer refuses: its caps are set already")
        requested = {"approvals": request.approvals, "trades": request.trades, "daily": request.daily}
        caps = self._ledger.record_caps(requested)
        prices = self._ledger.record_prices(request.prices)
        if caps != requested:
            lower = {name: _plain(amounts) for name, amounts in caps.items() if amounts != requested[name]}
            self._log.warning("signer.caps_unchanged", lower=lower, meaning="lower caps were set earlier this UTC day")
        self._open_caps = False
        self._signer.allow(caps["approvals"], caps["trades"], prices)
        self._ledger.caps = replace(self._ledger.caps, volume=caps["daily"])


def _plain(amounts: Mapping[str, int]) -> dict[str, str]:
    return {token: str(amount) for token, amount in amounts.items()}
