import { readFile } from 'node:fs/promises';
import { Args, Flags } from '@oclif/core';
import type { ArgsOf, FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import { InputError, UsageError } from '../../errors.ts';
import type { Imported } from '../../jobs/ceremony/import.ts';
import { importedText } from '../../views/ceremony.ts';

export default class CeremonyImport extends TufaCommand<typeof CeremonyImport, Imported> {
  static override summary = 'take in what another folder has exported, or a signature that another program has made';
  static override examples = [
    '<%= config.bin %> ceremony import from-bob.json',
    '<%= config.bin %> ceremony import --signature alice.sig --holder alice --draft root-2',
  ];
  static override args = { file: Args.string({ description: 'what `tufa ceremony export` has written' }) };
  static override flags = {
    signature: Flags.string({
      helpValue: 'FILE',
      dependsOn: ['holder', 'draft'],
      description: 'signature over the bytes of draft.json: as it is, or in hexadecimal or base64',
    }),
    holder: Flags.string({ helpValue: 'NAME', dependsOn: ['signature'], description: 'whose signature it is' }),
    draft: Flags.string({
      helpValue: 'ROLE-VERSION',
      dependsOn: ['signature'],
      description: 'what it is over: root-2',
    }),
  };

  protected override async execute(
    flags: FlagsOf<typeof CeremonyImport>,
    { file }: ArgsOf<typeof CeremonyImport>,
  ): Promise<Imported> {
    const { signature, holder, draft } = flags;
    if ((file === undefined) === (signature === undefined)) {
      throw new UsageError('what is to be taken in?', {
        expected: 'a file that `tufa ceremony export` has written, or --signature FILE',
        found: file === undefined ? 'neither' : 'both',
        hint: 'tufa ceremony import FILE',
      });
    }
    if (file !== undefined) {
      const { importCeremony } = await import('../../jobs/ceremony/import.ts');
      return importCeremony(this.directory, await read(file), file, { secrets: await this.secrets() });
    }
    const { importSignature } = await import('../../jobs/ceremony/exchange.ts');
    const bytes = await read(signature!);
    return importSignature(await this.workspace(), { draft: draft!, holder: holder!, signature: bytes });
  }

  protected override render(imported: Imported): string {
    return importedText(imported);
  }
}

async function read(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new InputError(`cannot be read (${cause.code})`, { object: path, hint: `ls -l ${path}`, cause });
  });
}
