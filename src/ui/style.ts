import { Chalk, type ChalkInstance } from "chalk";
import type { Io } from "./io.ts";

/** Colours for a stream; none unless it is a terminal, and none with NO_COLOR (no-color.org) or CI. */
export function colours(io: Io, stream: NodeJS.WriteStream): ChalkInstance {
  const wanted = stream.isTTY === true && !io.env.NO_COLOR && !io.env.CI;
  return new Chalk({ level: wanted ? 1 : 0 });
}

/** The colour of a status. */
export function statusStyle(chalk: ChalkInstance): (status: string) => string {
  const styles: Readonly<Record<string, (text: string) => string>> = {
    COMPLETED: chalk.green,
    RUNNING: chalk.cyan,
    ERROR: chalk.red,
    STALLED: chalk.red,
    ERROR_HELD: chalk.yellow,
    STALLED_HELD: chalk.yellow,
    CANCELLED: chalk.dim,
    DELETED: chalk.dim,
    DELETED_REPLICA: chalk.dim,
  };
  return (status) => (styles[status.trim()] ?? ((text: string) => text))(status);
}
