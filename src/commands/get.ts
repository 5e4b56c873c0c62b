import { Args, Flags } from '@oclif/core';
import type { FlagsOf } from '../cli/command.ts';
import { TufaCommand } from '../cli/command.ts';
import { INSTALLER_FLAGS } from '../cli/flags.ts';
import type { Got } from '../jobs/get.ts';

export default class Get extends TufaCommand<typeof Get, Got> {
  static override summary = 'download verified files: NAME, NAME==VERSION or a target path';
  static override strict = false;
  static override args = { what: Args.string({ required: true, description: 'NAME, NAME==VERSION or target paths' }) };
  static override flags = {
    ...INSTALLER_FLAGS,
    repository: Flags.string({
      helpValue: 'URI',
      description: 'repository to read (default: the store of the workspace)',
    }),
    out: Flags.string({ char: 'o', helpValue: 'DIR', default: '.', description: 'folder for the files' }),
  };

  protected override async execute(flags: FlagsOf<typeof Get>): Promise<Got> {
    const { assertWanted } = await import('../jobs/wanted.ts');
    assertWanted(this.words);
    const [{ openInstaller }, { get }] = await Promise.all([import('../jobs/installer.ts'), import('../jobs/get.ts')]);
    const client = await openInstaller({ ...this.installer(flags), repository: flags.repository, now: this.clock() });
    return this.reporting('files', (reporter) => get(client, this.words, { out: flags.out }, reporter));
  }

  protected override render({ root, timestamp, files }: Got): string {
    const lines = files.map(({ file, sha256, length }) => `${file}  ${length} bytes  sha256 ${sha256} ok`);
    return `${[`root ${root}, timestamp ${timestamp} verified`, ...lines].join('\n')}\n`;
  }
}
