import { Flags } from '@oclif/core';
import type { FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import { KEY_FLAGS, keyOptions, SIGNING_FLAGS } from '../../cli/flags.ts';
import { UsageError } from '../../errors.ts';
import type { generateKeys } from '../../jobs/keys.ts';
import { keyHint, keyTable } from '../../views/keys.ts';

type Result = Awaited<ReturnType<typeof generateKeys>>;

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
    ...KEY_FLAGS,
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
      ...keyOptions(flags),
    };
    return generateKeys(await this.workspace(), options);
  }

  protected override render({ keys, drawn }: Result): string {
    return `${keyTable(keys)}next: ${keyHint(drawn.missing)}\n`;
  }
}
