// Solidity's standard JSON on standard input, the compiler's answer on standard output.
// Run by solidity.py; `solc` is the one in node_modules, so its version is the lock's.
const solc = require("solc");

let input = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => (input += chunk));
process.stdin.on("end", () => process.stdout.write(solc.compile(input)));
