/**
 * Every acceptance statement, and the test that holds it: `file` has a test whose title begins with `<list> <number>:`, or
 * the statement waits for something that is not there yet. test/statements.test.ts keeps this page true.
 */
export type Statement = { readonly file: string } | { readonly later: Later };

export type Later =
  | 'keys'
  | 'object storage'
  | 'policies'
  | 'the index'
  | 'gc'
  | 'a second hash'
  | 'restore'
  | 'recovery';

const formats = { file: 'e2e/standards.test.ts' } as const;
const ceremony = { file: 'ceremony/standards.test.ts' } as const;

/** standards.md, section 6. */
export const STANDARDS: Readonly<Record<number, Statement>> = {
  1: formats,
  2: formats,
  3: formats,
  4: formats,
  5: formats,
  6: formats,
  7: formats,
  8: { file: 'interop/hostile.test.ts' },
  9: formats,
  10: formats,
  11: formats,
  12: formats,
  13: formats,
  14: formats,
  15: formats,
  16: formats,
  17: { later: 'the index' },
  18: { later: 'the index' },
  19: formats,
  20: formats,
  21: { later: 'the index' },
  22: formats,
  23: formats,
  24: formats,
  25: formats,
  26: formats,
  27: formats,
  28: { later: 'object storage' },
  29: formats,
  30: { later: 'gc' },
  31: formats,
  32: formats,
  33: formats,
  34: { later: 'object storage' },
  35: ceremony,
  36: ceremony,
  37: { later: 'gc' },
  38: ceremony,
  39: ceremony,
  40: ceremony,
  41: ceremony,
  42: { later: 'recovery' },
  43: { later: 'recovery' },
  44: { later: 'gc' },
  45: { later: 'the index' },
  46: { later: 'the index' },
  47: { later: 'policies' },
  48: { later: 'policies' },
  49: { later: 'the index' },
  50: { file: 'interop/matrix.test.ts' },
  51: formats,
  52: { later: 'a second hash' },
};

const input = { file: 'e2e/reliability.test.ts' } as const;
const commit = { file: 'faults/commit.test.ts' } as const;
const planted = { file: 'faults/planted.test.ts' } as const;
const sitting = { file: 'ceremony/reliability.test.ts' } as const;
const services = { file: 'signers/kms/program.test.ts' } as const;

/** reliability.md, section 5. */
export const RELIABILITY: Readonly<Record<number, Statement>> = {
  1: input,
  2: input,
  3: input,
  4: input,
  5: input,
  6: input,
  7: input,
  8: input,
  9: { later: 'keys' },
  10: { later: 'keys' },
  11: services,
  12: input,
  13: services,
  14: input,
  15: sitting,
  16: sitting,
  17: sitting,
  18: sitting,
  19: sitting,
  20: sitting,
  21: { file: 'faults/crash.test.ts' },
  22: commit,
  23: commit,
  24: commit,
  25: planted,
  26: { file: 'jobs/doctor.test.ts' },
  27: input,
  28: { later: 'the index' },
  29: { file: 'faults/disk.test.ts' },
  30: { later: 'object storage' },
  31: { later: 'object storage' },
  32: commit,
  33: commit,
  34: input,
  35: planted,
  36: planted,
  37: input,
  38: { later: 'object storage' },
  39: { later: 'gc' },
  40: { later: 'policies' },
};
