import { Args, Flags } from '@oclif/core';
import type { FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import { SIGNING_FLAGS } from '../../cli/flags.ts';
import type { Replaced } from '../../jobs/replace-keys.ts';
import { shortDigest } from '../../views/digest.ts';
import { table } from '../../views/table.ts';
import { SCHEMES } from './generate.ts';

export default class KeyReplace extends TufaCommand<typeof KeyReplace, Replaced> {
  static override summary = 'make other keys for online roles, and name them in tufa.yaml';
  static override examples = ['<%= config.bin %> key replace timestamp snapshot bins'];
  static override strict = false;
  static override args = {
    role: Args.string({ required: true, description: 'timestamp, snapshot, bins, recent, deny; several if need be' }),
  };
  static override flags = {
    ...SIGNING_FLAGS,
    type: Flags.option({
      options: Object.keys(SCHEMES) as (keyof typeof SCHEMES)[],
      description: 'kind of key (default: ed25519 in a file, p-256 on a token)',
    })(),
    on: Flags.string({
      helpValue: 'URI',
      exclusive: ['insecure-plain-key'],
      description: 'token that makes and keeps the keys: pkcs11:token=LABEL (see tufa key list)',
    }),
    'insecure-plain-key': Flags.boolean({ description: 'do not encrypt the key file' }),
  };

  protected override async execute(flags: FlagsOf<typeof KeyReplace>): Promise<Replaced> {
    const { replaceKeys } = await import('../../jobs/replace-keys.ts');
    return replaceKeys(await this.workspace(), this.words, {
      scheme: SCHEMES[flags.type ?? (flags.on === undefined ? 'ed25519' : 'p-256')],
      plain: flags['insecure-plain-key'],
      on: flags.on,
    });
  }

  protected override render({ replaced, keys }: Replaced): string {
    const lines = replaced.map(({ role, from, to }) => `${role}: ${to} instead of ${from}\n`);
    const rows = keys.map(({ name, scheme, keyid, uri }) => [name, scheme, shortDigest(keyid), uri ?? '-']);
    const next =
      'next: tufa ceremony open root, or who delegates to the role; after a theft: tufa recover compromise\n';
    return `${lines.join('')}${table(['name', 'scheme', 'keyid', 'private key'], rows)}${next}`;
  }
}
