/** A process to be killed: `node jdbcOrphan.mjs URL JAR [SQL]`; opens the database, says so, and begins a statement that does not end. */
import { JdbcBridge } from "../../../src/dao/jdbcBridge.ts";

const [url = "", jar = "", sql] = process.argv.slice(2);
const bridge = new JdbcBridge("java", jar, process.env);
await bridge.open(url, 600, { user: "gasw", password: "gasw" });
if (sql !== undefined) bridge.run(sql, []).catch((error: unknown) => process.stderr.write(`${error}\n`));
process.stdout.write("ready\n");
