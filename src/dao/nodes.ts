import type { RowFacts } from "../core/gaswRow/row.ts";
import type { Tables } from "./tables.ts";
import type { TableWriter } from "./tableWriter.ts";

type Node = NonNullable<RowFacts["node"]>;

/** The largest number of a column of type integer: a node's memory in kB may be more. */
const LARGEST_INTEGER = 2 ** 31 - 1;

/** Writes what is known of a node, where there is a table for nodes. */
export async function upsertNode(tables: TableWriter, id: string, node: Node): Promise<void> {
  if (!tables.schema.has("nodes")) {
    tables.noteLeftOut("node(s) were skipped: the GASW database has no table for them");
    return;
  }
  const key = {
    site: tables.fit("nodes", "site", node.site, id),
    node_name: tables.fit("nodes", "node_name", node.name, id),
  };
  const facts = Object.entries(nodeCells(tables, id, node)).filter(([, cell]) => cell !== undefined);
  // GASW's numbers are Java primitives, which can't be NULL.
  const unknown = {
    cpu_bogomips: 0,
    cpu_cache_size: 0,
    cpu_mhz: 0,
    cpu_model_name: null,
    mem_total: 0,
    ncpus: 0,
  };
  if (await tables.insertIfMissing("nodes", { ...unknown, ...Object.fromEntries(facts), ...key })) return;
  if (facts.length === 0) return;
  await tables.db
    .updateTable("nodes")
    .set(Object.fromEntries(facts))
    .where("site", "=", key.site)
    .where("node_name", "=", key.node_name)
    .execute();
}

function nodeCells(
  tables: TableWriter,
  id: string,
  { cpus, cpuModel, cpuMhz, cacheKb, bogomips, memoryKb }: Node,
): Partial<Tables["nodes"]> {
  const integer = (value: number | undefined) =>
    value === undefined ? undefined : Math.min(Math.trunc(value), LARGEST_INTEGER);
  const cells = {
    ncpus: integer(cpus),
    cpu_model_name: cpuModel === undefined ? undefined : tables.fit("nodes", "cpu_model_name", cpuModel, id),
    cpu_mhz: cpuMhz,
    cpu_cache_size: integer(cacheKb),
    cpu_bogomips: bogomips,
    mem_total: integer(memoryKb),
  };
  return cells as Partial<Tables["nodes"]>;
}
