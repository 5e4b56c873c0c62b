import { posix } from 'node:path';

/** A file of src/, by its path below it: `tuf/keys.ts`. */
export interface SourceFile {
  readonly path: string;
  readonly source: string;
}

/** What a room may import, beside itself and `errors.ts`: rooms (`tuf`) or single files (`stores/port.ts`). */
interface Room {
  readonly imports: readonly string[];
  /** Only with `import type`. */
  readonly types?: readonly string[];
  /** node: modules that are allowed; default all. */
  readonly node?: readonly string[];
  /** Whether time, randomness and environment may be read here; default no. */
  readonly ambient?: boolean;
}

const PORTS = ['stores/port.ts', 'stores/body.ts', 'signers/port.ts'];
/** Computes, and touches no file, network or clock. */
const COMPUTING = ['node:buffer', 'node:crypto', 'node:path', 'node:util'];
const PURE = ['tuf', 'packaging', 'policy'];
const MIDDLE = ['queue', 'trusted', 'transaction', 'ceremony'];

const TRANSACTION: Room = { imports: [...PURE, ...PORTS, 'queue', 'trusted'], node: COMPUTING };

/** Design, section 9. Importing goes downward only. A folder or file inside of a room may have a line of its own. */
export const ROOMS: Readonly<Record<string, Room>> = {
  tuf: { imports: [], node: COMPUTING },
  packaging: { imports: ['tuf'], node: COMPUTING },
  policy: { imports: ['tuf', 'packaging'], node: COMPUTING },
  stores: { imports: ['tuf'], ambient: true },
  signers: { imports: ['tuf'] },
  queue: { imports: [...PURE, ...PORTS], node: COMPUTING },
  trusted: { imports: [...PURE, ...PORTS], node: COMPUTING },
  transaction: TRANSACTION,
  // A million rows are spooled to files and built by worker threads (design, section 4).
  'transaction/bulk': {
    ...TRANSACTION,
    node: [...COMPUTING, 'node:fs', 'node:fs/promises', 'node:os', 'node:worker_threads'],
  },
  ceremony: { imports: [...PURE, ...PORTS, 'queue', 'trusted', 'transaction'], node: COMPUTING },
  config: { imports: [...PURE, ...PORTS, 'queue', 'ceremony'], ambient: true },
  jobs: { imports: [...PURE, ...PORTS, ...MIDDLE, 'config'] },
  views: { imports: [], types: [...PURE, ...MIDDLE, 'jobs', 'config'], node: COMPUTING },
  cli: { imports: ['views', 'config', ...PORTS, 'signers/private-file.ts'], types: ['jobs'], ambient: true },
  commands: { imports: ['cli', 'views', 'jobs', 'config'], types: [...PURE, ...MIDDLE] },
};

/** What one room may do that its kind may not. */
const BUILDS_ADAPTERS = 'config/workspace.ts';
const REGISTRIES = ['stores/registry.ts', 'signers/registry.ts', 'signers/file.ts'];
const SPELLS_PATHS = 'tuf/layout.ts';

/** Slow to load: only where it is used, by `await import`. */
const HEAVY =
  /^(?:tuf-js|@tufjs\/models|@inquirer\/prompts|@aws-sdk\/|@sigstore\/|pkcs11js|openpgp|parse5|node:sqlite)/;
const AMBIENT = /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bprocess\.env\b|\bperformance\.now\b/;
const ANY = /[:<,|]\s*any\b(?!\()|\bas any\b/;
/**
 * A literal that begins as an object's key does, or makes a metadata file's name of parts. Names that the specification
 * itself spells (`timestamp.json`) are no path, and sentences have blanks.
 */
const STORE_PATH =
  /(['"`])(?:(?:metadata|targets|queue|\.tufa)\/[^\s'"`]*|(?:\.|[^\s'"`]*\}\.)(?:timestamp|root|snapshot)\.json)\1/;
export const MAX_LINES = 350;

interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
  readonly lazy: boolean;
}

/** One line for each place where the code leaves the plan; empty when it keeps to it. */
export function violations(files: readonly SourceFile[]): string[] {
  const found = files.flatMap((file) => inFile(file).map((what) => `${file.path}: ${what}`));
  return [...found, ...cycles(files)];
}

function inFile({ path, source }: SourceFile): string[] {
  const found: string[] = [];
  const code = withoutComments(source);
  const name = path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
  const room = name === '' ? { imports: Object.keys(ROOMS) } : roomOf(path);
  if (room === undefined) return [`there is no room ${name}`];
  const lines = source.split('\n').length;
  if (lines > MAX_LINES) found.push(`${lines} lines, more than ${MAX_LINES}`);
  if (ANY.test(code)) found.push('the type any');
  const literal = path === SPELLS_PATHS ? undefined : STORE_PATH.exec(code)?.[0];
  if (literal !== undefined) found.push(`spells ${literal}, which belongs into ${SPELLS_PATHS}`);
  const ambient = room.ambient === true ? undefined : AMBIENT.exec(code)?.[0];
  if (ambient !== undefined) found.push(`reads ${ambient}`);
  for (const one of importsOf(code)) found.push(...ofImport(path, name, room, one));
  return found;
}

/** The line of the plan that says most about a file. */
function roomOf(path: string): Room | undefined {
  const keys = Object.keys(ROOMS).filter((key) => path === key || path.startsWith(`${key}/`));
  const [longest] = keys.sort((a, b) => b.length - a.length);
  return longest === undefined ? undefined : ROOMS[longest];
}

function ofImport(path: string, name: string, room: Room, { from, typeOnly, lazy }: Import): string[] {
  if (!from.startsWith('.')) {
    const isNode = from.startsWith('node:') && from !== 'node:sqlite' && !typeOnly;
    const forbidden = isNode && room.node?.includes(from) === false;
    const heavy = HEAVY.test(from) && !lazy && !typeOnly;
    return [...(forbidden ? [`imports ${from}`] : []), ...(heavy ? [`loads ${from} before it is needed`] : [])];
  }
  const target = posix.join(posix.dirname(path), from);
  const other = target.includes('/') ? target.slice(0, target.indexOf('/')) : target;
  if (REGISTRIES.includes(target) && other !== name && path !== BUILDS_ADAPTERS) return [`imports ${target}`];
  const isRegistry = path === BUILDS_ADAPTERS && REGISTRIES.includes(target);
  const allowed = [...room.imports, ...(typeOnly ? (room.types ?? []) : [])];
  if (other === name || target === 'errors.ts' || isRegistry || allowed.includes(other) || allowed.includes(target))
    return [];
  return [`imports ${target}`];
}

/** Files that import each other, values only: such a circle has no bottom to read from. */
function cycles(files: readonly SourceFile[]): string[] {
  const edges = new Map(
    files.map(({ path, source }) => [
      path,
      importsOf(withoutComments(source))
        .filter(({ from, typeOnly, lazy }) => from.startsWith('.') && !typeOnly && !lazy)
        .map(({ from }) => posix.join(posix.dirname(path), from)),
    ]),
  );
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) found.push(`a circle: ${[...trail.slice(trail.indexOf(path)), path].join(' -> ')}`);
    if (trail.includes(path) || done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}

function importsOf(code: string): Import[] {
  const fixed = /^(?:import|export)\s+(type\s)?(?:([^;'"]*?)\s*from\s*)?'([^']+)'/gm;
  const lazy = /\bimport\(\s*'([^']+)'/g;
  return [
    ...[...code.matchAll(fixed)].map(([, type, names = '', from = '']) => ({
      from,
      lazy: false,
      typeOnly: type !== undefined || (/^\{.*\}$/s.test(names) && onlyTypes(names)),
    })),
    ...[...code.matchAll(lazy)].map(([, from = '']) => ({ from, lazy: true, typeOnly: false })),
  ];
}

function onlyTypes(names: string): boolean {
  const parts = names
    .slice(1, -1)
    .split(',')
    .map((part) => part.trim());
  return parts.every((part) => part === '' || part.startsWith('type '));
}

/** Block comments stand on lines of their own here: a pattern such as `packages/*` + `/*` in a string is none. */
function withoutComments(source: string): string {
  return source.replace(/^\s*\/\*[\s\S]*?\*\//gm, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}
