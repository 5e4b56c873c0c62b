import { randomUUID } from 'node:crypto';
import { basename, resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import type { ArgsOf, FlagsOf } from '../cli/command.ts';
import { TufaCommand } from '../cli/command.ts';
import { PROFILES } from '../config/profiles.ts';
import type { InitResult } from '../jobs/init.ts';
import { initText } from '../views/init.ts';

const OTHERS = ['profile', 'pep458-expiry', 'holder', 'threshold'];

export default class Init extends TufaCommand<typeof Init, InitResult> {
  static override summary = 'lay down a workspace: tufa.yaml, its uuid and the drafts of root 1';
  static override examples = [
    '<%= config.bin %> init --profile company --name corp',
    '<%= config.bin %> init --threshold 2 --holder alice --holder bob --holder carol',
    '<%= config.bin %> init staging --staging-of ../corp',
  ];
  static override args = { dir: Args.string({ description: 'folder of the workspace (default: here)' }) };
  static override flags = {
    profile: Flags.option({
      options: PROFILES,
      description: 'hobby (default): one folder, one online key; company: 16 bins, a key for each online role',
    })(),
    'pep458-expiry': Flags.boolean({
      description: 'one day for every online role, as PEP 458 has it: each bin is signed anew every day',
    }),
    name: Flags.string({ description: 'name of the repository (default: of the folder)' }),
    holder: Flags.string({
      multiple: true,
      helpValue: 'NAME',
      description:
        'who signs the offline roles, more people than the threshold (default: alice, bob, and a sealed spare)',
    }),
    threshold: Flags.integer({
      min: 1,
      max: 64,
      helpValue: 'N',
      description: 'how many of them have to sign (default: 2)',
    }),
    'staging-of': Flags.string({
      helpValue: 'REPO',
      exclusive: OTHERS,
      description:
        'copy the roles, thresholds and names of the workspace in this folder, with throw-away keys and a uuid of its own',
    }),
  };

  protected override async execute(flags: FlagsOf<typeof Init>, args: ArgsOf<typeof Init>): Promise<InitResult> {
    const { init, initStaging } = await import('../jobs/init.ts');
    const dir = resolve(this.directory, args.dir ?? '.');
    const uuid = randomUUID();
    const { name, holder: holders, threshold } = flags;
    if (flags['staging-of'] !== undefined)
      return initStaging(dir, { of: resolve(this.directory, flags['staging-of']), name, uuid });
    return init(dir, {
      name: name ?? basename(dir),
      profile: flags.profile ?? 'hobby',
      uuid,
      pep458: flags['pep458-expiry'],
      ...(holders === undefined ? {} : { holders }),
      ...(threshold === undefined ? {} : { threshold }),
    });
  }

  protected override render(result: InitResult): string {
    return initText(result);
  }
}
