/**
 * Where each acceptance statement is proved: the test files that have a test, or a suite of tests, whose title begins with
 * its number (`standards 11: ...`), or what the statement waits for. `statements.test.ts` holds this against the tests themselves.
 */

/** Rooms that are not built yet. */
export type Wait = 'object storage' | 'policies' | 'the index' | 'gc' | 'a second hash';

export type Proof = readonly [file: string, ...more: string[]] | { readonly later: Wait };

const later = (what: Wait): Proof => ({ later: what });

const canonical = 'e2e/canonical.test.ts';
const drafts = 'e2e/drafts.test.ts';
const names = 'e2e/names.test.ts';
const limits = 'e2e/limits.test.ts';
const mutants = 'e2e/mutants.test.ts';
const formats = 'e2e/formats.test.ts';
const publishing = 'e2e/publishing.test.ts';
const reliability = 'e2e/reliability.test.ts';
const ceremonyStandards = 'ceremony/standards.test.ts';
const ceremonyReliability = 'ceremony/reliability.test.ts';

/** What the standards demand: 52 statements. */
export const STANDARDS: Readonly<Record<number, Proof>> = {
  // Formats.
  1: [formats, drafts],
  2: [canonical, drafts],
  3: [formats],
  4: [canonical, formats],
  5: [formats, canonical, drafts],
  6: [formats, drafts],
  7: [canonical],
  8: ['ceremony/external.test.ts'],
  9: [formats, canonical],
  10: [formats, canonical],
  11: [names],
  12: [drafts],
  13: [drafts],
  14: [drafts],
  // Bins.
  15: [publishing],
  16: [publishing],
  17: later('the index'),
  18: later('the index'),
  19: [drafts],
  20: [publishing, drafts],
  21: later('the index'),
  // Snapshot, timestamp, publishing.
  22: [publishing],
  23: [publishing],
  24: [publishing],
  25: [drafts, limits],
  26: [publishing],
  27: [publishing],
  28: later('object storage'),
  29: [publishing],
  30: later('gc'),
  31: [publishing],
  32: [publishing],
  33: [publishing],
  34: later('object storage'),
  // Root and keys.
  35: [ceremonyStandards],
  36: [ceremonyStandards],
  37: ['stores/local.test.ts', 'stores/memory.test.ts'],
  38: [ceremonyStandards],
  39: [ceremonyStandards],
  40: [ceremonyStandards],
  41: [ceremonyStandards],
  42: ['recover/compromise.test.ts'],
  43: ['recover/compromise.test.ts'],
  // Audit, gc, policies.
  44: later('gc'),
  45: later('the index'),
  46: later('the index'),
  47: later('policies'),
  48: later('policies'),
  49: later('the index'),
  50: ['interop/matrix.test.ts'],
  51: [mutants],
  52: later('a second hash'),
};

/** What must hold when input, storage, keys or people fail: 40 statements. */
export const RELIABILITY: Readonly<Record<number, Proof>> = {
  // Input hygiene.
  1: [reliability],
  2: [reliability],
  3: [reliability],
  4: [reliability, limits],
  5: [reliability, names],
  6: [reliability, names],
  7: [reliability],
  // Signing.
  8: [reliability],
  9: ['signers/pkcs11/reliability.test.ts'],
  10: ['signers/pkcs11/reliability.test.ts'],
  11: ['signers/kms/program.test.ts'],
  12: [reliability, 'signers/kms/program.test.ts'],
  13: [
    'signers/kms/aws.test.ts',
    'signers/kms/gcp.test.ts',
    'signers/kms/ministack.test.ts',
    'signers/kms/program.test.ts',
  ],
  14: [reliability],
  // Root ceremony.
  15: [ceremonyReliability],
  16: [ceremonyReliability],
  17: [ceremonyReliability],
  18: [ceremonyReliability],
  19: [ceremonyReliability],
  20: [ceremonyReliability],
  // Publish and compare-and-swap.
  21: ['faults/crash.test.ts', 'faults/crash-keys.test.ts', 'faults/commit.test.ts'],
  22: ['faults/commit.test.ts'],
  23: ['faults/commit.test.ts'],
  24: ['faults/commit.test.ts', 'faults/stress.test.ts', 'faults/trusted.test.ts'],
  25: ['faults/planted.test.ts'],
  26: ['jobs/doctor.test.ts'],
  27: [limits],
  28: later('the index'),
  // Storage faults.
  29: ['faults/disk.test.ts', 'faults/trusted.test.ts'],
  30: later('object storage'),
  31: later('object storage'),
  // Refresh.
  32: ['faults/commit.test.ts'],
  33: ['faults/commit.test.ts'],
  34: [reliability],
  // Anti-rollback.
  35: ['faults/planted.test.ts'],
  36: ['faults/planted.test.ts', 'faults/trusted.test.ts'],
  // Expiry and monitoring.
  37: [reliability],
  38: later('object storage'),
  // gc and policies.
  39: later('gc'),
  40: later('policies'),
};
