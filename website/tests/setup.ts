/** Runs before each test file: what one test rendered is gone before the next begins. */
import { cleanup } from "@testing-library/react";
import { afterEach } from "vitest";

afterEach(cleanup);
