// What the scripts of ioredis check with, and how they wait.

import { createRequire } from 'node:module';
import path from 'node:path';

const LIMIT = 60000;

// The client, from the folder of `node_modules`.
export function ioredis(folder) {
  return createRequire(path.join(folder, 'index.js'))('ioredis');
}

// Asks until the answer is true.
export async function waitFor(what, condition) {
  const deadline = Date.now() + LIMIT;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const text = (error) => (error === null ? null : error.message);
