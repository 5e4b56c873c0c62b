import { Args } from '@oclif/core';
import type { FlagsOf } from '../../cli/command.ts';
import { TufaCommand } from '../../cli/command.ts';
import { CEREMONY_FLAGS } from '../../cli/flags.ts';
import type { Rebased } from '../../jobs/ceremony/rebase.ts';
import { openedText } from '../../views/ceremony.ts';

export default class CeremonyRebase extends TufaCommand<typeof CeremonyRebase, Rebased> {
  static override summary = 'draw stale drafts again on what is live now; drafts that still fit stay as they are';
  static override strict = false;
  static override args = { role: Args.string({ description: 'only these roles' }) };
  static override flags = { ...CEREMONY_FLAGS };

  protected override async execute(flags: FlagsOf<typeof CeremonyRebase>): Promise<Rebased> {
    const { rebaseCeremony } = await import('../../jobs/ceremony/rebase.ts');
    const workspace = await this.workspace();
    const options = { roles: this.words.length === 0 ? undefined : this.words, breaks: flags['break-clients'] };
    return this.reporting('drafts', (reporter) => rebaseCeremony(workspace, options, reporter));
  }

  protected override render(rebased: Rebased): string {
    if (rebased.stale.length === 0) return 'nothing to do: no draft is stale\n';
    return `gave up ${rebased.stale.join(', ')}\n${openedText(rebased)}`;
  }
}
