import { Args } from '@oclif/core';
import type { ArgsOf, FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import type { Exported } from '../../jobs/ceremony/exchange.ts';

export default class CeremonyExport extends TufaCommand<typeof CeremonyExport, Exported> {
  static override summary = 'write drafts, what they build on, and signatures into one file for another folder';
  static override args = { file: Args.string({ required: true, description: 'file to be made' }) };

  protected override async execute(
    _flags: FlagsOf<typeof CeremonyExport>,
    args: ArgsOf<typeof CeremonyExport>,
  ): Promise<Exported> {
    const { exportCeremony } = await import('../../jobs/ceremony/exchange.ts');
    return exportCeremony(await this.workspace(), args.file);
  }

  protected override render({ file, drafts, signatures, waiting }: Exported): string {
    const lines = [
      `wrote ${file}: ${drafts.join(', ') || 'no drafts'}, ${signatures} signatures; nothing in it is secret`,
    ];
    if (waiting.length > 0) lines.push(`left out, because they wait for keys: ${waiting.join(', ')}`);
    return `${[...lines, `next, in the other folder: tufa ceremony import ${file}`].join('\n')}\n`;
  }
}
