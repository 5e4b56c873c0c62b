import { randomUUID } from 'node:crypto';
import { basename, resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import type { ArgsOf, FlagsOf } from '../cli/command.ts';
import { TufaCommand } from '../cli/command.ts';
import { PROFILES } from '../config/profiles.ts';
import type { InitResult } from '../jobs/init.ts';
import { keyHint } from '../views/keys.ts';

export default class Init extends TufaCommand<typeof Init, InitResult> {
  static override summary = 'lay down a workspace: tufa.yaml, its uuid and the drafts of root 1';
  static override args = { dir: Args.string({ description: 'folder of the workspace (default: here)' }) };
  static override flags = {
    profile: Flags.option({
      options: PROFILES,
      default: 'hobby',
      description: 'hobby: one folder, one online key; company: 16 bins, a key for each online role',
    })(),
    'pep458-expiry': Flags.boolean({
      description: 'one day for every online role, as PEP 458 has it: each bin is signed anew every day',
    }),
    name: Flags.string({ description: 'name of the repository (default: of the folder)' }),
  };

  protected override async execute(flags: FlagsOf<typeof Init>, args: ArgsOf<typeof Init>): Promise<InitResult> {
    const { init } = await import('../jobs/init.ts');
    const dir = resolve(this.directory, args.dir ?? '.');
    const name = flags.name ?? basename(dir);
    return init(dir, { name, profile: flags.profile, uuid: randomUUID(), pep458: flags['pep458-expiry'] });
  }

  protected override render({ dir, name, profile, drafts, missing }: InitResult): string {
    return [
      `made ${dir} (repository ${name}, profile ${profile})`,
      `drafts: ${drafts.join(', ')}`,
      `next: ${keyHint(missing)}`,
      '',
    ].join('\n');
  }
}
