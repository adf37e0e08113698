import { describe } from "vitest";
import { h2Suite } from "./h2Suite.ts";

describe("H2 1.4.196", () => h2Suite("1.4.196", "h2-1.4.196.sql"));
