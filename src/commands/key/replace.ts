import { Args } from '@oclif/core';
import type { FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import { KEY_FLAGS, keyOptions, SIGNING_FLAGS } from '../../cli/flags.ts';
import type { Replaced } from '../../jobs/replace-keys.ts';
import { keyTable } from '../../views/keys.ts';

export default class KeyReplace extends TufaCommand<typeof KeyReplace, Replaced> {
  static override summary = 'make other keys for online roles, and name them in tufa.yaml';
  static override examples = ['<%= config.bin %> key replace timestamp snapshot bins'];
  static override strict = false;
  static override args = {
    role: Args.string({ required: true, description: 'timestamp, snapshot, bins, recent, deny; several if need be' }),
  };
  static override flags = {
    ...SIGNING_FLAGS,
    ...KEY_FLAGS,
  };

  protected override async execute(flags: FlagsOf<typeof KeyReplace>): Promise<Replaced> {
    const { replaceKeys } = await import('../../jobs/replace-keys.ts');
    return replaceKeys(await this.workspace(), this.words, keyOptions(flags));
  }

  protected override render({ replaced, keys }: Replaced): string {
    const lines = replaced.map(({ role, from, to }) => `${role}: ${to} instead of ${from}\n`);
    const next =
      'next: tufa ceremony open root, or who delegates to the role; after a theft: tufa recover compromise\n';
    return `${lines.join('')}${keyTable(keys)}${next}`;
  }
}
