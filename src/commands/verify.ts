import { Args, Flags } from '@oclif/core';
import type { ArgsOf, FlagsOf } from '../cli/command.ts';
import { TufaCommand } from '../cli/command.ts';
import { INSTALLER_FLAGS } from '../cli/flags.ts';
import type { Verification } from '../jobs/verify.ts';

export default class Verify extends TufaCommand<typeof Verify, Verification> {
  static override summary =
    'walk a whole repository as clients do: every role, every file, with tuf-js as second opinion';
  static override args = {
    repository: Args.string({ description: 'URI or folder of the repository (default: the store of the workspace)' }),
  };
  static override flags = {
    ...INSTALLER_FLAGS,
    'metadata-only': Flags.boolean({ description: 'do not compare the target files' }),
  };

  protected override async execute(flags: FlagsOf<typeof Verify>, args: ArgsOf<typeof Verify>): Promise<Verification> {
    const [{ openInstaller }, { verify }] = await Promise.all([
      import('../jobs/installer.ts'),
      import('../jobs/verify.ts'),
    ]);
    const now = this.clock();
    const client = await openInstaller({ ...this.installer(flags), repository: args.repository, now });
    return this.reporting('files', (reporter) =>
      verify(client, { now, metadataOnly: flags['metadata-only'] }, reporter),
    );
  }

  protected override render(result: Verification): string {
    const { root, timestamp, snapshot, roles, targets, files, secondOpinion } = result;
    return [
      `verified: root ${root}, timestamp ${timestamp}, snapshot ${snapshot}, ${roles} roles, ${targets} targets, ${files} files compared`,
      `second opinion: ${secondOpinion.join(', ')} agree`,
      '',
    ].join('\n');
  }
}
