import { describe } from "vitest";
import { h2Suite } from "./h2Suite.ts";

describe("H2 2.3.232", () => h2Suite("2.3.232", "h2-2.3.232.sql"));
