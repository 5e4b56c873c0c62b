import { glob, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { MAX_LINES, type SourceFile, violations } from './support/architecture.ts';

const SRC = fileURLToPath(new URL('../src/', import.meta.url));

describe('the rooms of the house', () => {
  it('keep to the plan', async () => {
    const files: SourceFile[] = [];
    for await (const path of glob('**/*.ts', { cwd: SRC }))
      files.push({ path, source: await readFile(SRC + path, 'utf8') });
    expect(files.length).to.be.above(50);
    expect(violations(files)).to.deep.equal([]);
  });

  const planted: [name: string, path: string, source: string, found: string | undefined][] = [
    [
      'a file read in a pure room',
      'tuf/x.ts',
      "import { readFile } from 'node:fs/promises';",
      'imports node:fs/promises',
    ],
    ['a socket in a pure room', 'packaging/x.ts', "import net from 'node:net';", 'imports node:net'],
    ['hashing in a pure room', 'tuf/x.ts', "import { createHash } from 'node:crypto';", undefined],
    ['the clock in a pure room', 'tuf/x.ts', 'const now = Date.now();', 'reads Date.now'],
    ['the clock in another way', 'policy/x.ts', 'const now = new Date();', 'reads new Date()'],
    ['a given time', 'tuf/x.ts', 'const then = new Date(0);', undefined],
    ['the environment in a job', 'jobs/x.ts', "if (process.env['CI']) stop();", 'reads process.env'],
    ['the clock in a command', 'commands/x.ts', 'run({ now: new Date() });', 'reads new Date()'],
    ['the clock in a comment', 'tuf/x.ts', '// never Date.now\n/** nor `new Date()` */', undefined],
    [
      'a pure room that looks up',
      'tuf/x.ts',
      "import { names } from '../packaging/names.ts';",
      'imports packaging/names.ts',
    ],
    [
      'a type from above in a pure room',
      'tuf/x.ts',
      "import type { Store } from '../stores/port.ts';",
      'imports stores/port.ts',
    ],
    [
      'an import over several lines',
      'queue/x.ts',
      "import {\n  a,\n  b,\n} from '../jobs/publish.ts';",
      'imports jobs/publish.ts',
    ],
    [
      'an import on demand',
      'queue/x.ts',
      "const { a } = await import('../jobs/publish.ts');",
      'imports jobs/publish.ts',
    ],
    ['an export from elsewhere', 'queue/x.ts', "export { a } from '../jobs/publish.ts';", 'imports jobs/publish.ts'],
    [
      'a job that opens a store',
      'jobs/x.ts',
      "import { openStore } from '../stores/registry.ts';",
      'imports stores/registry.ts',
    ],
    [
      'a job that makes a key file',
      'jobs/x.ts',
      "import { generateKeyFile } from '../signers/file.ts';",
      'imports signers/file.ts',
    ],
    [
      'another file of config that opens a store',
      'config/x.ts',
      "import { openStore } from '../stores/registry.ts';",
      'imports stores/registry.ts',
    ],
    [
      'the workspace that opens a store',
      'config/workspace.ts',
      "import { openStore } from '../stores/registry.ts';",
      undefined,
    ],
    [
      'a job that knows an adapter',
      'jobs/x.ts',
      "import { MemoryStore } from '../stores/memory.ts';",
      'imports stores/memory.ts',
    ],
    ['a job that knows a port', 'jobs/x.ts', "import type { Store } from '../stores/port.ts';", undefined],
    [
      'a store that knows a signer',
      'stores/x.ts',
      "import type { Signer } from '../signers/port.ts';",
      'imports signers/port.ts',
    ],
    [
      'a command that goes past its job',
      'commands/a/x.ts',
      "import { transact } from '../../transaction/transact.ts';",
      'imports transaction/transact.ts',
    ],
    [
      'a command with a type of below',
      'commands/a/x.ts',
      "import type { Live } from '../../transaction/read.ts';",
      undefined,
    ],
    [
      'a command with nothing but types of below',
      'commands/x.ts',
      "import { type Live } from '../transaction/read.ts';",
      undefined,
    ],
    [
      'a command with a type and a value of below',
      'commands/x.ts',
      "import { type Live, read } from '../transaction/read.ts';",
      'imports transaction/read.ts',
    ],
    ['a job that draws', 'jobs/x.ts', "import { table } from '../views/table.ts';", 'imports views/table.ts'],
    ['a view that works', 'views/x.ts', "import { publish } from '../jobs/publish.ts';", 'imports jobs/publish.ts'],
    [
      'anything that knows a command',
      'cli/x.ts',
      "import Publish from '../commands/publish.ts';",
      'imports commands/publish.ts',
    ],
    [
      'a heavy library at the door',
      'transaction/x.ts',
      "import { Updater } from 'tuf-js';",
      'loads tuf-js before it is needed',
    ],
    ['a heavy library on demand', 'transaction/x.ts', "const { Updater } = await import('tuf-js');", undefined],
    [
      'files in a transaction',
      'transaction/x.ts',
      "import { rm } from 'node:fs/promises';",
      'imports node:fs/promises',
    ],
    ['files in a bulk build', 'transaction/bulk/x.ts', "import { rm } from 'node:fs/promises';", undefined],
    ['a socket in a bulk build', 'transaction/bulk/x.ts', "import net from 'node:net';", 'imports node:net'],
    [
      'a path of the store',
      'transaction/x.ts',
      "store.get('metadata/timestamp.json')",
      "spells 'metadata/timestamp.json', which belongs into tuf/layout.ts",
    ],
    [
      'a path made of parts',
      'jobs/x.ts',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
      'store.get(`metadata/${version}.root.json`)',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
      'spells `metadata/${version}.root.json`, which belongs into tuf/layout.ts',
    ],
    ['a path in a sentence', 'jobs/x.ts', "throw new Error('metadata/ is empty')", undefined],
    ['a path where it belongs', 'tuf/layout.ts', "const TIMESTAMP = 'metadata/timestamp.json';", undefined],
    ['any', 'tuf/x.ts', 'function f(x: any): void {}', 'the type any'],
    ['any in a cast', 'tuf/x.ts', 'f(x as any)', 'the type any'],
    ['any in a list of types', 'tuf/x.ts', 'const m: Map<string, any> = f();', 'the type any'],
    ['the word any', 'tuf/x.ts', '/** in any order */\nconst any = 1;', undefined],
    ['a room that is none', 'helpers/x.ts', '', 'there is no room helpers'],
    ['a long file', 'tuf/x.ts', '\n'.repeat(MAX_LINES), `${MAX_LINES + 1} lines, more than ${MAX_LINES}`],
  ];
  for (const [name, path, source, found] of planted) {
    it(`${found === undefined ? 'allow' : 'refuse'} ${name}`, () => {
      expect(violations([{ path, source }])).to.deep.equal(found === undefined ? [] : [`${path}: ${found}`]);
    });
  }

  it('refuse a circle, and allow one of types', () => {
    const circle = (how: string): SourceFile[] => [
      { path: 'tuf/a.ts', source: `${how} { b } from './b.ts';` },
      { path: 'tuf/b.ts', source: "import { a } from './a.ts';" },
    ];
    expect(violations(circle('import'))).to.deep.equal(['a circle: tuf/a.ts -> tuf/b.ts -> tuf/a.ts']);
    expect(violations(circle('import type'))).to.deep.equal([]);
  });
});
