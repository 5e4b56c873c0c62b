import { createHash } from 'node:crypto';
import { zipSync } from 'fflate';
import { InputError } from '../errors.ts';
import { normalize } from './names.ts';
import { normalizeVersion } from './versions.ts';

/** What goes into a wheel of pure Python that tufa builds itself. */
export interface WheelContents {
  readonly name: string;
  readonly version: string;
  readonly summary?: string;
  /** Path in the wheel -> content. Without it: one module that only knows its version. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

export interface Wheel {
  readonly filename: string;
  readonly bytes: Uint8Array;
}

/**
 * Builds a wheel (PEP 427) with METADATA, WHEEL and RECORD. The same contents give the same bytes: files are sorted,
 * stored without compression, and dated 1 January 1980, the first day that zip knows.
 *
 * @throws InputError for a name, version or path that no wheel may have
 */
export function buildWheel({ name, version, summary, files }: WheelContents): Wheel {
  const project = normalize(name).replaceAll('-', '_');
  const release = normalizeVersion(version);
  const info = `${project}-${release}.dist-info`;
  const contents = new Map<string, Uint8Array>();
  const modules = Object.entries(files ?? { [`${project}.py`]: `__version__ = "${release}"\n` });
  for (const [path, content] of modules.sort(([a], [b]) => (a < b ? -1 : 1))) {
    contents.set(assertMember(path), Buffer.from(content));
  }
  contents.set(`${info}/METADATA`, metadata(name, release, summary));
  contents.set(`${info}/WHEEL`, WHEEL);
  contents.set(`${info}/RECORD`, record(contents, `${info}/RECORD`));
  return { filename: `${project}-${release}-py3-none-any.whl`, bytes: zip(contents) };
}

const WHEEL = Buffer.from('Wheel-Version: 1.0\nGenerator: tufa\nRoot-Is-Purelib: true\nTag: py3-none-any\n');

function metadata(name: string, version: string, summary: string | undefined): Uint8Array {
  if (summary !== undefined && !/^[\x20-\x7e]+$/.test(summary)) {
    throw new InputError('wrong summary', {
      object: name,
      expected: 'one line of ASCII',
      found: JSON.stringify(summary),
    });
  }
  const head = `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`;
  return Buffer.from(summary === undefined ? head : `${head}Summary: ${summary}\n`);
}

/** Each member with its hash and length; RECORD itself without. Paths need no quotes: see `assertMember`. */
function record(contents: ReadonlyMap<string, Uint8Array>, self: string): Uint8Array {
  const lines = [...contents].map(([path, bytes]) => {
    const digest = createHash('sha256').update(bytes).digest('base64url');
    return `${path},sha256=${digest},${bytes.length}\n`;
  });
  return Buffer.from(`${lines.join('')}${self},,\n`);
}

function zip(contents: ReadonlyMap<string, Uint8Array>): Uint8Array {
  // zip has local times: made from parts, this one is the same in every time zone
  return zipSync(Object.fromEntries(contents), { level: 0, mtime: new Date(1980, 0, 1) });
}

function assertMember(path: string): string {
  const segments = path.split('/');
  if (!segments.every((segment) => /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(segment)) || path.includes('.dist-info/')) {
    throw new InputError('not a path for a wheel', {
      object: JSON.stringify(path),
      expected: 'segments of letters, digits and _ . -, outside of .dist-info',
      found: JSON.stringify(path),
    });
  }
  return path;
}
