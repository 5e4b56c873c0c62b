import { readFile } from 'node:fs/promises';
import { Args, Flags } from '@oclif/core';
import type { ArgsOf, FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import { CEREMONY_FLAGS, SIGNING_FLAGS } from '../../cli/flags.ts';
import { InputError } from '../../errors.ts';
import type { importHolder } from '../../jobs/keys.ts';
import { keyHint } from '../../views/keys.ts';

type Result = Awaited<ReturnType<typeof importHolder>>;

export default class KeyImport extends TufaCommand<typeof KeyImport, Result> {
  static override summary = "take a holder's public key into holders/";
  static override examples = [
    '<%= config.bin %> key import alice.json --holder alice',
    '<%= config.bin %> key import file:private/alice.pem --holder alice',
    "<%= config.bin %> key import 'pkcs11:token=root%20alice;object=alice' --holder alice",
  ];
  static override args = {
    from: Args.string({ required: true, description: "the holder's JSON file, or the URI of a private key" }),
  };
  static override flags = {
    ...SIGNING_FLAGS,
    ...CEREMONY_FLAGS,
    holder: Flags.string({ required: true, helpValue: 'NAME', description: 'name of the holder' }),
  };

  protected override async execute(flags: FlagsOf<typeof KeyImport>, args: ArgsOf<typeof KeyImport>): Promise<Result> {
    const { importHolder } = await import('../../jobs/keys.ts');
    const workspace = await this.workspace();
    const breaks = flags['break-clients'];
    if (/^[a-z][a-z0-9+.-]*:/.test(args.from)) return importHolder(workspace, flags.holder, { uri: args.from }, breaks);
    const file = await readFile(args.from).catch((cause: unknown) => {
      throw new InputError('cannot be read', {
        object: args.from,
        expected: "a holder's JSON file or a key's URI",
        found: 'nothing',
        cause,
      });
    });
    return importHolder(workspace, flags.holder, { file, path: args.from }, breaks);
  }

  protected override render({ keys, drawn }: Result): string {
    const [key] = keys;
    return `imported ${key?.name} (${key?.scheme}, keyid ${key?.keyid})\nnext: ${keyHint(drawn.missing)}\n`;
  }
}
