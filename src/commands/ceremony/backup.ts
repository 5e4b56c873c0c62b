import { Args, Flags } from '@oclif/core';
import type { ArgsOf, FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import { UsageError } from '../../errors.ts';
import type { Backup } from '../../jobs/ceremony/backup.ts';
import { digestGroups } from '../../views/digest.ts';

export default class CeremonyBackup extends TufaCommand<typeof CeremonyBackup, Backup> {
  static override summary =
    'write one of the two backups of a ceremony: with all encrypted key files, or the online ones';
  static override args = { file: Args.string({ required: true, description: 'file to be made, mode 0600' }) };
  static override flags = {
    all: Flags.boolean({ exclusive: ['online'], description: 'all new metadata and all keys' }),
    online: Flags.boolean({ exclusive: ['all'], description: 'all new metadata and the online keys only' }),
  };

  protected override async execute(
    flags: FlagsOf<typeof CeremonyBackup>,
    { file }: ArgsOf<typeof CeremonyBackup>,
  ): Promise<Backup> {
    if (!flags.all && !flags.online) {
      throw new UsageError('which backup?', {
        expected: '--all or --online',
        found: 'neither',
        hint: 'make both, for two places: tufa ceremony backup --all FILE',
      });
    }
    const { backupCeremony } = await import('../../jobs/ceremony/backup.ts');
    return backupCeremony(await this.workspace(), flags.all ? 'all' : 'online', file);
  }

  protected override render({ file, keys, elsewhere, metadata, sha256 }: Backup): string {
    const lines = [
      `wrote ${file}: ${metadata.length} metadata files and the encrypted keys of ${keys.join(', ') || 'nobody'}`,
      ...(elsewhere.length === 0 ? [] : [`not in it, because they are in no file here: ${elsewhere.join(', ')}`]),
      `sha256 ${digestGroups(sha256)}`,
    ];
    return `${lines.join('\n')}\n`;
  }
}
