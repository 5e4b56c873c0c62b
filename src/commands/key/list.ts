import { Flags } from '@oclif/core';
import type { FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import type { KeyInfo, TokenView } from '../../jobs/keys.ts';
import { shortDigest } from '../../views/digest.ts';
import { tokensText } from '../../views/keys.ts';
import { table } from '../../views/table.ts';

interface Result {
  readonly keys: KeyInfo[];
  readonly tokens: TokenView[];
}

export default class KeyList extends TufaCommand<typeof KeyList, Result> {
  static override summary =
    'show the keys of holders/ and of tokens: who may sign what, and where the private keys are';
  static override examples = [
    '<%= config.bin %> key list',
    '<%= config.bin %> key list --module /usr/lib/x86_64-linux-gnu/opensc-pkcs11.so',
  ];
  static override flags = {
    module: Flags.string({
      helpValue: 'PATH',
      description: 'PKCS#11 module whose tokens to show (default: those of tufa.yaml, or $TUFA_PKCS11_MODULE)',
    }),
  };

  protected override async execute(flags: FlagsOf<typeof KeyList>): Promise<Result> {
    const { listKeys, listTokens } = await import('../../jobs/keys.ts');
    const workspace = await this.workspace();
    return { keys: await listKeys(workspace), tokens: await listTokens(workspace, flags.module) };
  }

  protected override render({ keys, tokens }: Result): string {
    const rows = keys.map(({ name, scheme, keyid, roles, uri }) => [
      name,
      scheme,
      shortDigest(keyid),
      roles.join(', '),
      uri ?? 'elsewhere',
    ]);
    return `${table(['name', 'scheme', 'keyid', 'roles', 'private key'], rows)}${tokensText(tokens)}`;
  }
}
