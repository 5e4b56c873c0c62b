import { Flags } from '@oclif/core';
import type { FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import { SIGNING_FLAGS } from '../../cli/flags.ts';
import { UsageError } from '../../errors.ts';
import type { generateKeys } from '../../jobs/keys.ts';
import { shortDigest } from '../../views/digest.ts';
import { keyHint } from '../../views/keys.ts';
import { table } from '../../views/table.ts';

type Result = Awaited<ReturnType<typeof generateKeys>>;

/** Kinds of keys, as they are typed. */
export const SCHEMES = { ed25519: 'ed25519', 'p-256': 'ecdsa-sha2-nistp256', 'rsa-pss': 'rsassa-pss-sha256' } as const;

export default class KeyGenerate extends TufaCommand<typeof KeyGenerate, Result> {
  static override summary = 'make keys, in files or on a token: of holders, and of the online roles';
  static override examples = [
    '<%= config.bin %> key generate --holder alice --holder bob --holder spare --online',
    "<%= config.bin %> key generate --holder alice --on 'pkcs11:token=root%20alice'",
  ];
  static override flags = {
    ...SIGNING_FLAGS,
    holder: Flags.string({ multiple: true, helpValue: 'NAME', description: 'make the key of this holder' }),
    online: Flags.boolean({ description: 'make every online key of tufa.yaml that is missing' }),
    type: Flags.option({
      options: Object.keys(SCHEMES) as (keyof typeof SCHEMES)[],
      description: 'kind of key (default: ed25519 in a file, p-256 on a token)',
    })(),
    on: Flags.string({
      helpValue: 'URI',
      exclusive: ['insecure-plain-key'],
      description: 'token that makes and keeps the key: pkcs11:token=LABEL (see tufa key list)',
    }),
    'insecure-plain-key': Flags.boolean({ description: 'do not encrypt the key file' }),
  };

  protected override async execute(flags: FlagsOf<typeof KeyGenerate>): Promise<Result> {
    if (flags.holder === undefined && !flags.online) {
      throw new UsageError('whose key?', {
        expected: '--holder NAME or --online',
        found: 'neither',
        hint: 'tufa key generate --holder alice',
      });
    }
    const { generateKeys } = await import('../../jobs/keys.ts');
    const options = {
      holders: flags.holder ?? [],
      online: flags.online,
      scheme: SCHEMES[flags.type ?? (flags.on === undefined ? 'ed25519' : 'p-256')],
      plain: flags['insecure-plain-key'],
      on: flags.on,
    };
    return generateKeys(await this.workspace(), options);
  }

  protected override render({ keys, drawn }: Result): string {
    const rows = keys.map(({ name, scheme, keyid, uri }) => [name, scheme, shortDigest(keyid), uri ?? '-']);
    return `${table(['name', 'scheme', 'keyid', 'private key'], rows)}next: ${keyHint(drawn.missing)}\n`;
  }
}
