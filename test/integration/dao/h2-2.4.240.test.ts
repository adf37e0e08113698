import { describe } from "vitest";
import { h2Suite } from "./h2Suite.ts";

describe("H2 2.4.240", () => h2Suite("2.4.240", "h2-2.3.232.sql"));
