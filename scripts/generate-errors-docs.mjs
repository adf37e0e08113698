// Writes docs/errors.md: every error with its hint and exit code, as the source words them, so that they can be judged on one page.
// With --check: exits 1 when the committed page is stale.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseAst } from "rolldown/parseAst";

const root = path.resolve(import.meta.dirname, "..");
const page = path.join(root, "docs/errors.md");

/** A word for what stands in a message's place: the last name of the expression, in capitals, as in a usage line. */
function placeholder(node) {
  switch (node.type) {
    case "Identifier":
      return capitals(node.name);
    case "MemberExpression":
      return node.computed ? placeholder(node.object) : capitals(node.property.name);
    case "CallExpression": {
      // As `holderOf(workflow)`, which is a holder.
      const [, whose] = /^(\w+)Of$/.exec(node.callee.name ?? node.callee.property?.name ?? "") ?? [];
      return whose === undefined ? placeholder(node.arguments[0] ?? node.callee) : capitals(whose);
    }
    case "TSAsExpression":
    case "ChainExpression":
    case "UnaryExpression":
      return placeholder(node.expression ?? node.argument);
    case "BinaryExpression":
    case "LogicalExpression":
      return placeholder(node.left);
    default:
      return "…";
  }
}

function capitals(name) {
  return name.replace(/([a-z])([A-Z])/g, "$1_$2").toUpperCase();
}

/**
 * The texts that an expression may come to; none where it is put together elsewhere.
 * @param program the file that it stands in
 */
function textsOf(node, program) {
  switch (node?.type) {
    case "Literal":
      return [String(node.value)];
    case "TemplateLiteral":
      return [
        node.quasis
          .map(({ value }, index) => value.cooked + (node.expressions[index] ? placeholder(node.expressions[index]) : ""))
          .join(""),
      ];
    case "ConditionalExpression":
      return [...textsOf(node.consequent, program), ...textsOf(node.alternate, program)];
    case "Identifier":
      return nodesOf(program, "VariableDeclarator").flatMap(({ id, init }) => (id.name === node.name ? textsOf(init, program) : []));
    default:
      return [];
  }
}

/** All nodes of a type within one. */
function nodesOf(node, type) {
  if (node === null || typeof node !== "object") return [];
  const inner = Object.values(node).flatMap((part) => nodesOf(part, type));
  return node.type === type ? [node, ...inner] : inner;
}

/** Errors by their code: message and hint. */
const errors = new Map();

const names = readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" });
for (const name of names.filter((one) => one.endsWith(".ts"))) {
  const program = parseAst(readFileSync(path.join(root, "src", name), "utf8"), { lang: "ts" }, name);
  const inherited = nodesOf(program, "CallExpression").filter(({ callee }) => callee.type === "Super");
  for (const made of [...nodesOf(program, "NewExpression"), ...inherited]) noteError(made, program);
}

function noteError({ arguments: [code, message, options] }, program) {
  const hint = options?.properties?.find(({ key }) => key?.name === "hint");
  for (const one of textsOf(code, program).filter((text) => text in exitCodes())) {
    const rows = errors.get(one) ?? [];
    errors.set(one, rows);
    for (const text of textsOf(message, program)) rows.push([text, textsOf(hint?.value, program).join("; or: ")]);
  }
}

/** Exit codes by error code, as src/errors.ts has them. */
function exitCodes() {
  const [, table = ""] = /EXIT_CODES[^{]*\{([^}]*)\}/.exec(readFileSync(path.join(root, "src/errors.ts"), "utf8")) ?? [];
  return Object.fromEntries([...table.matchAll(/(\w+): (\d+)/g)].map(([, code, exit]) => [code, Number(exit)]));
}

const cell = (text) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const sections = Object.entries(exitCodes())
  .filter(([code]) => errors.has(code))
  .map(([code, exit]) => {
    const rows = [...new Set(errors.get(code).map((row) => `| ${row.map(cell).join(" | ")} |`))].sort();
    return `## ${code} (exit code ${exit})\n\n| error | hint |\n| --- | --- |\n${rows.join("\n")}\n`;
  });

const text = `# Errors

<!-- Written by scripts/generate-errors-docs.mjs from the source. -->

An error is printed as two lines on stderr: what failed and for which object, and a hint. JSON output has its code in \`error.code\`; the process exits with the exit code shown.
Words in capitals are placeholders. Messages from the configuration checks, the cluster or a database are passed on in their own words.

${sections.join("\n")}`;

if (process.argv.includes("--check")) process.exitCode = readFileSync(page, "utf8") === text ? 0 : 1;
else writeFileSync(page, text);
