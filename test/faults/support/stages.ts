import { randomUUID } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Workspace } from '../../../src/config/workspace.ts';
import { redraw } from '../../../src/jobs/draw.ts';
import { init } from '../../../src/jobs/init.ts';
import { generateKeys } from '../../../src/jobs/keys.ts';
import { publish } from '../../../src/jobs/publish.ts';
import { prepareSitting, sign } from '../../../src/jobs/sign.ts';
import { addTargets, removeTargets } from '../../../src/jobs/targets.ts';
import { KEPT_WHEELS } from '../../support/wheels.ts';

/** Of the six wheels that are kept in the tree. */
export const WHEELS = {
  six: {
    file: join(KEPT_WHEELS, 'six-1.17.0-py2.py3-none-any.whl'),
    path: 'packages/six/six-1.17.0-py2.py3-none-any.whl',
  },
  zipp: { file: join(KEPT_WHEELS, 'zipp-4.1.2-py3-none-any.whl'), path: 'packages/zipp/zipp-4.1.2-py3-none-any.whl' },
  mdurl: { file: join(KEPT_WHEELS, 'mdurl-0.1.2.tar.gz'), path: 'packages/mdurl/mdurl-0.1.2.tar.gz' },
  sniffio: { file: join(KEPT_WHEELS, 'sniffio-1.3.1.tar.gz'), path: 'packages/sniffio/sniffio-1.3.1.tar.gz' },
} as const;

/**
 * A workspace (hobby, plain keys) as it is at some point of its life, each one command further than the one before:
 *
 *     empty      an empty folder
 *     inited     tufa init; the keys of bob, spare and operator are there
 *     spare      all keys but spare's, whose public half lies there as `spare.json`
 *     keys       all keys, nothing signed
 *     half       bob has signed
 *     signed     the ceremony of root 1 is complete
 *     queued     six and zipp wait in the queue
 *     published  they are published
 *     changed    mdurl waits to be added, and six to be removed
 */
export const STAGES = ['empty', 'inited', 'spare', 'keys', 'half', 'signed', 'queued', 'published', 'changed'] as const;
export type Stage = (typeof STAGES)[number];

export class Stages {
  readonly base: string;
  private copies = 0;

  private constructor(base: string) {
    this.base = base;
  }

  /** @param wanted the stages to be made, from the first one on; default: all */
  static async make(wanted: readonly Stage[] = STAGES): Promise<Stages> {
    const stages = new Stages(await mkdtemp(join(tmpdir(), 'tufa-faults-')));
    for (const [i, stage] of wanted.entries()) {
      const before = STAGES[i - 1];
      const dir = stages.of(stage);
      // `spare` lies beside the line: one key less than `keys`.
      if (before === undefined) await mkdir(dir, { recursive: true });
      else await cp(stages.of(before), dir, { recursive: true });
      await STEPS[stage](dir);
    }
    return stages;
  }

  /** Not to be changed: copies are made of it. */
  of(stage: Stage): string {
    return join(this.base, 'stages', stage);
  }

  /** A folder of its own. */
  async copy(from: Stage | { readonly folder: string }): Promise<string> {
    const dir = join(this.base, `copy-${++this.copies}`);
    await cp(typeof from === 'string' ? this.of(from) : from.folder, dir, { recursive: true });
    return dir;
  }

  /** An empty folder of its own. */
  async scratch(): Promise<string> {
    return mkdtemp(join(this.base, 'scratch-'));
  }

  async remove(): Promise<void> {
    await rm(this.base, { recursive: true, force: true });
  }
}

const STEPS: Readonly<Record<Stage, (dir: string) => Promise<unknown>>> = {
  empty: async () => undefined,
  inited: async (dir) => {
    await init(dir, { name: 'corp', profile: 'hobby', uuid: randomUUID() });
    await makeKeys(dir, ['bob', 'spare', 'operator'], false);
  },
  spare: async (dir) => {
    await makeKeys(dir, ['alice'], true);
    await cp(join(dir, 'holders', 'spare.json'), join(dir, 'spare.json'));
    await unlink(join(dir, 'holders', 'spare.json'));
    await withWorkspace(dir, redraw);
  },
  keys: async (dir) => {
    await cp(join(dir, 'spare.json'), join(dir, 'holders', 'spare.json'));
    await withWorkspace(dir, redraw);
  },
  half: (dir) => withWorkspace(dir, async (workspace) => sign(workspace, await prepareSitting(workspace, ['bob']))),
  signed: (dir) => withWorkspace(dir, async (workspace) => sign(workspace, await prepareSitting(workspace, ['alice']))),
  queued: (dir) => enqueue(dir, ['six', 'zipp']),
  published: (dir) => withWorkspace(dir, (workspace) => publish(workspace)),
  changed: async (dir) => {
    await enqueue(dir, ['mdurl']);
    await withWorkspace(dir, (workspace) => removeTargets(workspace, ['six']));
  },
};

async function makeKeys(dir: string, holders: readonly string[], online: boolean): Promise<void> {
  await withWorkspace(dir, (workspace) => generateKeys(workspace, { holders, online, scheme: 'ed25519', plain: true }));
}

async function enqueue(dir: string, names: readonly (keyof typeof WHEELS)[]): Promise<void> {
  await withWorkspace(dir, (workspace) =>
    addTargets(
      workspace,
      names.map((name) => WHEELS[name].file),
      { replace: false },
    ),
  );
}

/** Does something in a workspace, in this process. @param now its clock; default: the machine's */
export async function withWorkspace<T>(
  dir: string,
  work: (workspace: Workspace) => Promise<T>,
  now?: Date,
): Promise<T> {
  const workspace = await Workspace.open(dir, now === undefined ? {} : { clock: () => now });
  try {
    return await work(workspace);
  } finally {
    await workspace.close();
  }
}

/** A wheel of a few bytes; two contents have two digests. @returns its path */
export async function tinyWheel(dir: string, project: string, content = project): Promise<string> {
  const file = join(dir, `${project}-1.0-py3-none-any.whl`);
  await writeFile(file, content);
  return file;
}
