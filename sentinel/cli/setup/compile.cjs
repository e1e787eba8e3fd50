// compile.cjs SOLJSON: Solidity's standard JSON on standard input, the compiler's answer on standard output.
// Run by solidity.py; SOLJSON is the compiler itself, of the pinned npm package.
const soljson = require(process.argv[2]);
const compile = soljson.cwrap("solidity_compile", "string", ["string", "number", "number"]);

let input = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => (input += chunk));
process.stdin.on("end", () => process.stdout.write(compile(input, 0, 0)));
