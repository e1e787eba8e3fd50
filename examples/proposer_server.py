"""A proposer that is a server: a few lines that answer as OpenAI's chat completions do, here with a DCA.

python examples/proposer_server.py
SENTINEL_PROPOSER=http://127.0.0.1:9000/v1 sentinel run
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, MODEL = 9000, "dca"
# A thought and a code action. An answer counts only if the code reads the market, as `balance` does, and then ends with
# one final action. `request["messages"]` holds the conversation: a real model would answer that.
ANSWER = """Thought: I buy for 400 USDC once an hour, unless gas is over 30 gwei.
Code:
```py
due = balance("USDC") >= 900 and last_trade() >= 3600 and gas_price() <= 30
if due:
    swap("USDC", "WETH", 400, best_venue("USDC", "WETH", 400))
else:
    hold("not due, too little USDC, or expensive gas")
```"""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # /v1/models
        self.answer({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    def do_POST(self) -> None:  # /v1/chat/completions
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        message = {"role": "assistant", "content": ANSWER}
        choices = [{"index": i, "message": message, "finish_reason": "stop"} for i in range(request.get("n", 1))]
        self.answer({"object": "chat.completion", "model": MODEL, "choices": choices})

    def answer(self, reply: object) -> None:
        body = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else PORT
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
