import { Args, Flags } from '@oclif/core';
import type { Change } from '../../ceremony/diff.ts';
import type { FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import type { SheetLine, Shown, ShownDraft } from '../../jobs/ceremony/show.ts';

interface Result {
  readonly repository: Shown['repository'];
  readonly drafts: readonly (Omit<ShownDraft, 'sitting'> & {
    readonly expires: Date | undefined;
    readonly changes: readonly Change[];
    readonly here: readonly string[];
  })[];
  readonly sheet: readonly SheetLine[];
  readonly text: string;
}

export default class CeremonyShow extends TufaCommand<typeof CeremonyShow, Result> {
  static override summary = 'show what is open: changes, digests, who has signed and who is missing';
  static override strict = false;
  static override args = { role: Args.string({ description: 'only these roles' }) };
  static override flags = {
    sheet: Flags.boolean({ description: 'the digests of all new metadata, to be printed and kept on paper' }),
  };

  protected override async execute(flags: FlagsOf<typeof CeremonyShow>): Promise<Result> {
    const [{ showCeremony }, { sheetText, shownText }] = await Promise.all([
      import('../../jobs/ceremony/show.ts'),
      import('../../views/ceremony-show.ts'),
    ]);
    const workspace = await this.workspace();
    const shown = await showCeremony(workspace, this.words.length === 0 ? undefined : this.words);
    const drafts = shown.drafts.map(({ sitting, ...draft }) => ({
      ...draft,
      expires: sitting?.signed.expires,
      changes: sitting?.diff.changes ?? [],
      here: sitting?.here ?? [],
    }));
    return { ...shown, drafts, text: (flags.sheet ? sheetText : shownText)(shown, workspace.clock()) };
  }

  protected override render({ text }: Result): string {
    return text;
  }
}
